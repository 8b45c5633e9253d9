// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/urlencoded.hpp>

#include <sluice/detail/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice {

error_code urlencoded_parser::feed(std::string_view bytes)
{
    while (!bytes.empty() && !error_) {
        // Most bytes stand for themselves.
        const auto plain = escape_size_ > 0 ? 0 : std::min(bytes.find_first_of("&=+%"), bytes.size());
        if (plain > 0) {
            const auto room = limits_.field - std::min(limits_.field, pair_.size());
            pair_.append(bytes, 0, std::min(plain, room));
            begun_ = true;
            bytes.remove_prefix(plain);
            if (plain > room)
                over("a field is larger than {} bytes (form_limits::field)", limits_.field);
            continue;
        }
        const char c = bytes.front();
        bytes.remove_prefix(1);
        take(c);
    }
    return error_;
}

// A byte that means something, or one behind an escape that has begun.
void urlencoded_parser::take(char c)
{
    const auto put = [&](char byte) {
        if (pair_.size() >= limits_.field)
            return over("a field is larger than {} bytes (form_limits::field)", limits_.field);
        pair_ += byte;
    };
    const auto held = std::exchange(escape_size_, 0);
    if (held > 0) {
        const int digit = text::hex_value(c);
        if (digit >= 0 && held == 2)
            return put(static_cast<char>(text::hex_value(escape_[1]) << 4 | digit));
        if (digit >= 0) {
            escape_[1] = c;
            escape_size_ = 2;
            return;
        }
        // No escape after all.
        for (std::size_t i = 0; i < held; ++i)
            put(escape_[i]);
        if (error_)
            return;
    }
    if (c == '&')
        return end_pair();
    begun_ = true;
    if (c == '=' && !in_value_) {
        in_value_ = true;
        name_size_ = pair_.size();
    } else if (c == '%') {
        escape_[0] = c;
        escape_size_ = 1;
    } else {
        put(c == '+' ? ' ' : c);
    }
}

void urlencoded_parser::end_pair()
{
    if (!begun_)
        return;
    if (fields_.size() >= limits_.parts)
        return over("there are more than {} fields (form_limits::parts)", limits_.parts);
    if (pair_.size() > limits_.fields - std::min(limits_.fields, fields_.text_size()))
        return over("all fields together are larger than {} bytes (form_limits::fields)", limits_.fields);
    fields_.add_adjacent(pair_, in_value_ ? name_size_ : pair_.size());
    pair_.clear();
    begun_ = in_value_ = false;
}

error_code urlencoded_parser::finish()
{
    if (!error_ && escape_size_ > 0) {
        const auto held = std::exchange(escape_size_, 0);
        if (held > limits_.field - std::min(limits_.field, pair_.size()))
            over("a field is larger than {} bytes (form_limits::field)", limits_.field);
        else
            pair_.append(escape_, held);
    }
    if (!error_)
        end_pair();
    return error_;
}

void urlencoded_parser::over(const char* what, std::size_t most)
{
    if (error_)
        return;
    error_ = errc::body_too_large;
    fault_ = fmt::format(fmt::runtime(what), most);
}

field_list parse_query(std::string_view text, const form_limits& l)
{
    urlencoded_parser parser(l);
    error_code ec = parser.feed(text);
    if (!ec)
        ec = parser.finish();
    if (ec)
        throw system_error(errc::bad_request, "the query: " + parser.fault());
    return std::move(parser.fields());
}

std::string percent_decode(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? text::hex_value(text[i + 1]) : -1;
        const int low = high < 0 ? -1 : text::hex_value(text[i + 2]);
        if (low < 0) {
            out += text[i];
        } else {
            out += static_cast<char>(high << 4 | low);
            i += 2;
        }
    }
    return out;
}

std::string percent_encode(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (text::is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out += c;
        } else {
            const auto u = static_cast<unsigned char>(c);
            out += '%';
            out += digits[u >> 4];
            out += digits[u & 15];
        }
    }
    return out;
}

} // namespace sluice
