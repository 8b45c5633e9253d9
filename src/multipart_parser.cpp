// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/multipart_parser.hpp>

#include <sluice/detail/parameters.hpp>
#include <sluice/detail/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice {

multipart_parser::multipart_parser(std::string_view boundary, const form_limits& l)
    : limits_(l), delimiter_("\r\n--")
{
    delimiter_ += boundary;
    begin_matching(state::preamble);
}

multipart_parser::event multipart_parser::next(std::string_view& bytes)
{
    data_ = {};
    // Only what may come at all, so that a limit is passed at the same byte wherever the stream is cut.
    auto allowed = bytes.substr(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), limits_.body - body_size_)));
    const auto before = allowed.size();
    const event e = step(allowed);
    body_size_ += before - allowed.size();
    bytes.remove_prefix(before - allowed.size());
    if (e == event::done)
        bytes = {};
    if (e == event::need_more && !bytes.empty())
        return fail(errc::body_too_large,
                    fmt::format("the form is larger than {} bytes (form_limits::body)", limits_.body));
    return e;
}

multipart_parser::event multipart_parser::step(std::string_view& bytes)
{
    for (;;) {
        if (state_ == state::failed)
            return event::failed;
        if (state_ == state::done)
            return event::done;
        if (bytes.empty())
            return event::need_more;
        event e = event::need_more;
        switch (state_) {
        case state::preamble:
        case state::data: e = find_boundary(bytes); break;
        case state::boundary_line:
        case state::line_end:
        case state::last_dash: e = read_boundary_line(bytes); break;
        case state::head: e = read_head(bytes); break;
        case state::done:
        case state::failed: break;
        }
        if (e != event::need_more)
            return e;
    }
}

multipart_parser::event multipart_parser::finish()
{
    if (state_ == state::done)
        return event::done;
    if (state_ == state::failed)
        return event::failed;
    return fail(errc::body_incomplete, parts_ == 0 ? "the form ends before its first part"
                                                   : "the form ends before its last boundary");
}

// The delimiter begins with a line end, which at the start, and between the head and an empty content, has come before.
void multipart_parser::begin_matching(state s) noexcept
{
    state_ = s;
    matched_ = assumed_ = 2;
}

// The data up to a delimiter, or to what may become one. A boundary has no CR, so that a delimiter can begin nowhere within one.
multipart_parser::event multipart_parser::find_boundary(std::string_view& bytes)
{
    if (matched_ > 0)
        return match_boundary(bytes);
    std::size_t at = 0;
    while ((at = bytes.find('\r', at)) != bytes.npos) {
        if (delimiter_.starts_with(bytes.substr(at, delimiter_.size())))
            break;
        ++at;
    }
    at = std::min(at, bytes.size());
    if (at == 0)
        return match_boundary(bytes);
    const auto plain = bytes.substr(0, at);
    bytes.remove_prefix(at);
    return give(plain);
}

multipart_parser::event multipart_parser::match_boundary(std::string_view& bytes)
{
    const auto rest = std::string_view(delimiter_).substr(matched_);
    const auto n = std::min(rest.size(), bytes.size());
    if (rest.substr(0, n) != bytes.substr(0, n)) {
        // It was data after all. What of it is still in `bytes` has no CR, and is given from there.
        const auto held = std::string_view(delimiter_).substr(assumed_, matched_ - assumed_);
        matched_ = assumed_ = 0;
        return held.empty() ? event::need_more : give(held);
    }
    bytes.remove_prefix(n);
    matched_ += n;
    if (n < rest.size())
        return event::need_more;
    matched_ = assumed_ = blanks_ = 0;
    const bool ends_part = std::exchange(state_, state::boundary_line) == state::data;
    return ends_part ? event::part_end : event::need_more;
}

multipart_parser::event multipart_parser::give(std::string_view data)
{
    if (state_ == state::preamble)
        return event::need_more;
    auto room = static_cast<std::uint64_t>(data.size());
    if (part_.is_file())
        room =
            take_room(room, limits_.file, part_size_, "a file is larger than {} bytes (form_limits::file)");
    else
        room = take_room(take_room(room, limits_.field, part_size_,
                                   "a field is larger than {} bytes (form_limits::field)"),
                         limits_.fields, fields_size_,
                         "all fields together are larger than {} bytes (form_limits::fields)");
    data_ = data.substr(0, static_cast<std::size_t>(room));
    return data_.empty() ? event::failed : event::part_data; // then the next is the failure
}

// How much of `n` bytes more a limit allows; fails when that is not all.
std::uint64_t multipart_parser::take_room(std::uint64_t n, std::uint64_t most, std::uint64_t& used,
                                          const char* what)
{
    const auto room = std::min(n, most - used);
    used += room;
    if (room < n)
        fail(errc::body_too_large, fmt::format(fmt::runtime(what), most));
    return room;
}

multipart_parser::event multipart_parser::read_boundary_line(std::string_view& bytes)
{
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (state_ == state::boundary_line && (c == ' ' || c == '\t')) {
        if (++blanks_ <= limits_.part_head)
            return event::need_more;
        return fail(errc::body_too_large, fmt::format("a boundary has more than {} blanks behind it "
                                                      "(form_limits::part_head)",
                                                      limits_.part_head));
    }
    if (state_ == state::boundary_line && c == '\r') {
        state_ = state::line_end;
    } else if (state_ == state::boundary_line && c == '-' && blanks_ == 0) {
        state_ = state::last_dash;
    } else if (state_ == state::last_dash && c == '-') {
        state_ = state::done;
        return event::done;
    } else if (state_ == state::line_end && c == '\n') {
        if (parts_ >= limits_.parts)
            return fail(errc::body_too_large,
                        fmt::format("there are more than {} parts (form_limits::parts)", limits_.parts));
        ++parts_;
        head_.clear();
        line_at_ = 0;
        state_ = state::head;
    } else {
        return fail(errc::bad_form, "behind a boundary there is neither a line end nor \"--\"");
    }
    return event::need_more;
}

// Line by line, since an empty one ends it.
multipart_parser::event multipart_parser::read_head(std::string_view& bytes)
{
    const auto n = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
    if (n > limits_.part_head - head_.size())
        return fail(errc::body_too_large,
                    fmt::format("the head of a part is larger than {} bytes (form_limits::part_head)",
                                limits_.part_head));
    head_ += bytes.substr(0, n);
    bytes.remove_prefix(n);
    if (head_.back() != '\n')
        return event::need_more;
    const auto line = std::string_view(head_).substr(line_at_);
    if (!line.ends_with("\r\n"))
        return fail(errc::bad_form, "a line of a part's head does not end in CR LF");
    line_at_ = head_.size();
    return line.size() > 2 ? event::need_more : parse_head();
}

std::optional<std::string> boundary_of(std::string_view content_type)
{
    detail::value_with_parameters type;
    if (!detail::parse_parameters(content_type, type) ||
        !text::equal_nocase(type.value, "multipart/form-data"))
        return std::nullopt;
    const auto boundary = type.parameters.get("boundary");
    const bool good = std::all_of(boundary.begin(), boundary.end(), [](char c) {
        return text::is_alnum(c) || std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
    });
    if (!good || boundary.empty() || boundary.size() > 70 || boundary.back() == ' ')
        return std::nullopt;
    return std::string(boundary);
}

multipart_parser::event multipart_parser::fail(errc code, std::string why)
{
    state_ = state::failed;
    data_ = {};
    error_ = code;
    fault_ = std::move(why);
    return event::failed;
}

} // namespace sluice
