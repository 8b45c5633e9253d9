// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "fuzz/client_model.hpp"

#include <algorithm>
#include <utility>

namespace sluice::fuzz {

using fcgi::record_type;
using kind = fcgi::client_event::kind;

namespace {

constexpr unsigned begin = 1, aborts = 2, params = 4, input = 5, data = 8, get = 9; // section 8

unsigned at(std::string_view s, std::size_t i)
{
    return static_cast<unsigned char>(s[i]);
}

} // namespace

void note(const client_happening& h, std::vector<client_happening>& in)
{
    const bool is_stream = h.what == kind::out || h.what == kind::errors;
    if (is_stream && !in.empty() && in.back().what == h.what && in.back().id == h.id)
        in.back().content += h.content;
    else
        in.push_back(h);
}

// Calls

void client_model::frame(unsigned type, id_type id, std::string_view content)
{
    std::string record = test::record(type, id, content, (8 - content.size() % 8) % 8);
    std::fill(record.begin() + static_cast<std::ptrdiff_t>(8 + content.size()), record.end(), '\0');
    framed += record;
}

std::size_t client_model::room() const noexcept
{
    const auto held = framed.size() - sent;
    return limits_.output - std::min(limits_.output, held);
}

void client_model::start(id_type id, unsigned role, bool keep, const test::pairs& fields)
{
    requests_[id] = {};
    requests_[id].data_ended = role != 3;
    closing_ = !keep;
    frame(begin, id, {std::string{'\0', static_cast<char>(role), keep ? '\1' : '\0', 0, 0, 0, 0, 0}});
    const auto text = test::name_values(fields);
    for (std::string_view rest = text; !rest.empty();
         rest.remove_prefix(std::min<std::size_t>(rest.size(), 65535)))
        frame(params, id, rest.substr(0, 65535));
    frame(params, id, {});
}

bool client_model::accepts(id_type id, record_type stream) const
{
    if (!running(id))
        return false;
    const request& r = requests_.at(id);
    return stream == record_type::data ? r.in_ended && !r.data_ended : !r.in_ended;
}

void client_model::wrote(id_type id, record_type stream, std::string_view bytes)
{
    frame(stream == record_type::data ? data : input, id, bytes);
}

void client_model::finish(id_type id, record_type stream)
{
    if (!running(id))
        return;
    request& r = requests_.at(id);
    if (stream == record_type::data && r.data_ended)
        return;
    if (!std::exchange(r.in_ended, true)) // it comes before the data
        frame(input, id, {});
    if (stream != record_type::data)
        return;
    r.data_ended = true;
    frame(data, id, {});
}

bool client_model::abort(id_type id)
{
    if (!running(id))
        return false;
    requests_.at(id).aborted = true;
    frame(aborts, id, {});
    return true;
}

bool client_model::get_values(const std::vector<std::string>& names)
{
    if (asked_)
        return false;
    test::pairs all;
    for (const auto& name : names)
        all.emplace_back(name, "");
    frame(get, 0, test::name_values(all));
    asked_ = true;
    answer_.emplace(fcgi::name_value_decoder::bounds{limits_.values_bytes, 16});
    values_.clear();
    return true;
}

// What the app sends

void client_model::arrives(std::string_view bytes)
{
    while (!bytes.empty() && !fault_) {
        if (left_ == 0 && padding_ > 0) {
            const auto n = std::min(padding_, bytes.size());
            bytes.remove_prefix(n);
            padding_ -= n;
            continue;
        }
        if (left_ == 0) {
            const auto n = std::min(fcgi::header_size - header_.size(), bytes.size());
            header_ += bytes.substr(0, n);
            bytes.remove_prefix(n);
            if (header_.size() < fcgi::header_size)
                return;
            fault_ = at(header_, 0) != 1;
            type_ = at(header_, 1);
            id_ = static_cast<id_type>(at(header_, 2) << 8 | at(header_, 3));
            size_ = left_ = at(header_, 4) << 8 | at(header_, 5);
            padding_ = at(header_, 6);
            header_.clear();
            body_.clear();
            if (!fault_ && left_ == 0)
                chunk({}, true);
            continue;
        }
        const auto n = std::min(left_, bytes.size());
        left_ -= n;
        chunk(bytes.substr(0, n), left_ == 0);
        bytes.remove_prefix(n);
    }
}

void client_model::chunk(std::string_view content, bool last)
{
    if (body_.size() < 8)
        body_ += content.substr(0, 8 - body_.size());
    if (id_ == 0)
        return management(content, last);
    const auto type = static_cast<record_type>(type_);
    const bool is_end = type == record_type::end_request;
    if ((type != record_type::stdout_stream && type != record_type::stderr_stream && !is_end) || !taken(id_))
        fault_ = true;
    else if (is_end)
        end(requests_.at(id_), last);
    else
        stream(requests_.at(id_), content);
}

void client_model::stream(request& r, std::string_view content)
{
    const bool is_out = static_cast<record_type>(type_) == record_type::stdout_stream;
    bool& ended = is_out ? r.out_ended : r.errors_ended;
    if (ended)
        fault_ = true;
    else if (size_ == 0)
        ended = true;
    else if (!r.aborted)
        note({is_out ? kind::out : kind::errors, id_, std::string(content), 0, 0, false}, happened);
}

void client_model::end(request& r, bool last)
{
    if (size_ != 8 || (last && at(body_, 4) > 3)) {
        fault_ = true;
        return;
    }
    if (!last)
        return;
    std::uint32_t status = 0;
    for (std::size_t i = 0; i < 4; ++i)
        status = status << 8 | at(body_, i);
    happened.push_back({kind::ended, id_, {}, status, at(body_, 4), r.out_ended});
    // What is left of a request that was answered early is not sent, but ended; and no other follows.
    if (!r.aborted && !(r.in_ended && r.data_ended)) {
        closing_ = true;
        finish(id_, record_type::stdin_stream);
        finish(id_, record_type::data);
    }
    requests_.erase(id_);
}

void client_model::management(std::string_view content, bool last)
{
    const auto type = static_cast<record_type>(type_);
    const bool is_values = type == record_type::get_values_result;
    if (!asked_ || (!is_values && (type != record_type::unknown_type || size_ != 8))) {
        fault_ = true;
    } else if (is_values) {
        answer_->feed(content);
        fault_ = answer_->fault.has_value() || (last && !answer_->complete());
    } else if (last) {
        fault_ = at(body_, 0) != get;
    }
    if (fault_ || !last)
        return;
    asked_ = false;
    values_ = is_values ? answer_->fields : test::pairs{};
    happened.push_back({is_values ? kind::values : kind::unknown_type, 0, {}, 0, 0, false});
}

std::optional<fcgi::errc> client_model::at_end() const
{
    if (!header_.empty() || left_ > 0 || padding_ > 0)
        return fcgi::errc::closed_mid_record;
    if (asked_ || active() > 0)
        return fcgi::errc::closed_mid_request;
    return std::nullopt;
}

} // namespace sluice::fuzz
