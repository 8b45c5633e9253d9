// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/text.hpp>

#include <array>
#include <charconv>
#include <cstring>
#include <system_error>

namespace sluice::text {
namespace {

constexpr std::array<bool, 256> make_token_table() noexcept
{
    std::array<bool, 256> table{};
    for (int c = 0; c < 128; ++c)
        table[static_cast<std::size_t>(c)] = is_alnum(static_cast<char>(c));
    for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
        table[static_cast<unsigned char>(c)] = true;
    return table;
}

constexpr auto token_table = make_token_table();

constexpr bool is_control(char c) noexcept
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// The same byte in all eight places.
constexpr std::uint64_t eight(unsigned char c) noexcept
{
    return 0x0101010101010101U * c;
}

} // namespace

bool is_token(std::string_view s) noexcept
{
    for (const char c : s) {
        if (!token_table[static_cast<unsigned char>(c)])
            return false;
    }
    return !s.empty();
}

bool has_control(std::string_view s) noexcept
{
    // Eight bytes at a time: a byte's top bit survives when the byte is below 0x20, or when it is 0x7f
    // (https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord).
    while (s.size() >= 8) {
        std::uint64_t w = 0;
        std::memcpy(&w, s.data(), 8);
        const std::uint64_t below_space = (w - eight(0x20)) & ~w;
        const std::uint64_t d = w ^ eight(0x7f);
        const std::uint64_t is_del = (d - eight(1)) & ~d;
        if (((below_space | is_del) & eight(0x80)) != 0)
            return true;
        s.remove_prefix(8);
    }
    for (const char c : s) {
        if (is_control(c))
            return true;
    }
    return false;
}

std::optional<std::uint64_t> parse_number(std::string_view s) noexcept
{
    std::uint64_t n = 0;
    const auto [end, fault] = std::from_chars(s.data(), s.data() + s.size(), n);
    if (fault != std::errc() || end != s.data() + s.size())
        return std::nullopt;
    return n;
}

void append_quoted(std::string_view s, std::string& out)
{
    constexpr std::size_t most = 64;
    constexpr std::string_view digits = "0123456789abcdef";

    out += '"';
    for (const char c : s.substr(0, most)) {
        if (is_control(c)) {
            const auto u = static_cast<unsigned char>(c);
            out += "\\x";
            out += digits[u >> 4];
            out += digits[u & 15];
        } else {
            if (c == '"' || c == '\\')
                out += '\\';
            out += c;
        }
    }
    out += s.size() > most ? "\"…" : "\"";
}

} // namespace sluice::text
