// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "normalize_steps.hpp"
#include <sluice/detail/text.hpp>

#include <algorithm>

namespace sluice::normalizing {
namespace {

constexpr auto none = std::string_view::npos;

/// Reads a percent-encoded path one decoded byte at a time.
class decoder {
public:
    explicit decoder(std::string_view raw) noexcept : raw_(raw) {}

    bool done() const noexcept { return at_ == raw_.size(); }
    std::size_t position() const noexcept { return at_; }

    /// Precondition: not done.
    char peek() const noexcept { return escaped() ? unescaped() : raw_[at_]; }

    void skip() noexcept { at_ += escaped() ? std::size_t{3} : std::size_t{1}; }

private:
    bool escaped() const noexcept
    {
        return raw_[at_] == '%' && raw_.size() - at_ > 2 && text::hex_value(raw_[at_ + 1]) >= 0 &&
               text::hex_value(raw_[at_ + 2]) >= 0;
    }
    char unescaped() const noexcept
    {
        return static_cast<char>(text::hex_value(raw_[at_ + 1]) * 16 + text::hex_value(raw_[at_ + 2]));
    }

    std::string_view raw_;
    std::size_t at_ = 0;
};

/// Where in `raw` stands what decodes to `path` from `border` on, if `raw` decodes to `path` but for slashes
/// that were folded into one; else `none`. Precondition: border < path.size(), path[border] is '/' and the
/// byte before it is not.
std::size_t find_border(std::string_view raw, std::string_view path, std::size_t border) noexcept
{
    std::size_t found = none;
    std::size_t p = 0;
    decoder r(raw);
    while (p < path.size() && !r.done()) {
        if (p == border)
            found = r.position();
        const char c = r.peek();
        if (c != path[p])
            return none;
        ++p;
        r.skip();
        if (c == '/') {
            while (p < path.size() && path[p] == '/')
                ++p;
            while (!r.done() && r.peek() == '/')
                r.skip();
        }
    }
    return p == path.size() && r.done() ? found : none;
}

/// RFC 3986 section 3.3: what stands in a path without being encoded.
bool is_path_char(char c) noexcept
{
    return text::is_alnum(c) || std::string_view("-._~!$&'()*+,;=:@/").find(c) != none;
}

} // namespace

split_path::split_path(std::string_view script_name, std::string_view path_info,
                       std::pmr::memory_resource* memory)
    : text_(memory)
{
    // The target of `OPTIONS *` is no path.
    if (script_name == "*")
        script_name = {};
    if (path_info == "*")
        path_info = {};

    text_.reserve(script_name.size() + path_info.size() + 2);
    if (!script_name.empty() && script_name.front() != '/')
        text_ += '/';
    text_ += script_name;

    // A slash at the border belongs to PATH_INFO: "/" and "/x" are "" and "/x", "/" alone is "" and "/".
    const std::size_t script_end = text_.find_last_not_of('/') + 1;
    if (path_info.empty()) {
        border_ = script_end == 0 ? 0 : text_.size();
    } else {
        text_.resize(script_end);
        border_ = script_end;
        if (path_info.front() != '/')
            text_ += '/';
        text_ += path_info;
    }
}

void split_path::derive(std::string_view raw_path)
{
    border_ = 0;
    text_.clear();
    if (raw_path.starts_with('/'))
        append_decoded(raw_path, text_);
    else
        text_ += '/';
}

void split_path::mount(std::string_view mount_point)
{
    const bool leading = mount_point.starts_with('/');
    while (mount_point.ends_with('/'))
        mount_point.remove_suffix(1);
    if (mount_point.empty()) {
        border_ = 0; // "/": the app has the whole host
        return;
    }
    // Compared from behind its leading slash, so that "app" does for "/app".
    if (leading)
        mount_point.remove_prefix(1);
    const std::string_view path = std::string_view(text_).substr(text_.empty() ? 0 : 1);
    const std::size_t end = mount_point.size();
    if (path.starts_with(mount_point) && (path.size() == end || path[end] == '/'))
        border_ = end + 1;
}

void split_path::restore_slashes(std::string_view raw_path)
{
    if (raw_path == text_ || border_ == text_.size())
        return;
    const std::size_t from = find_border(raw_path, text_, border_);
    if (from == none)
        return;
    text_.resize(border_);
    append_decoded(raw_path.substr(from), text_);
}

void append_decoded(std::string_view raw, std::pmr::string& out)
{
    for (decoder r(raw); !r.done(); r.skip())
        out += r.peek();
}

void append_encoded(std::string_view path, std::pmr::string& out)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : path) {
        if (is_path_char(c)) {
            out += c;
        } else {
            const auto u = static_cast<unsigned char>(c);
            out += '%';
            out += digits[u >> 4];
            out += digits[u & 15];
        }
    }
}

std::string_view without_proxy_prefix(std::string_view name) noexcept
{
    for (const std::string_view prefix : {"proxy:fcgi://", "proxy:balancer://"}) {
        if (!name.starts_with(prefix))
            continue;
        name.remove_prefix(prefix.size());
        name.remove_prefix(std::min(name.find('/'), name.size()));
        // Apache encodes a '?' of the file's name, so one that stands here begins the query.
        return name.substr(0, name.find('?'));
    }
    return name;
}

} // namespace sluice::normalizing
