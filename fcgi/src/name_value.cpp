// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/name_value.hpp>

#include <sluice/fcgi/errc.hpp>

#include <algorithm>
#include <cassert>

namespace sluice::fcgi {
namespace {

constexpr auto none = std::string_view::npos;
constexpr auto no_fault = static_cast<errc>(0);
constexpr std::size_t kept_capacity = 4096;

/// The two lengths before a pair's name and value.
struct lengths {
    std::size_t name = 0;
    std::size_t value = 0;
    std::size_t own = 0; ///< bytes the lengths themselves take, 2–8

    /// Precondition: they were found within the limits, else this may overflow where size_t has 32 bits.
    std::size_t pair() const noexcept { return own + name + value; }
};

/// Bytes of the length that begins with this byte.
std::size_t width(char first) noexcept
{
    return (static_cast<unsigned char>(first) & 0x80) != 0 ? 4 : 1;
}

std::size_t length_at(const char* p) noexcept
{
    const auto byte = [p](int i) { return static_cast<std::size_t>(static_cast<unsigned char>(p[i])); };
    if (width(*p) == 1)
        return byte(0);
    return (byte(0) & 0x7f) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

/// As `parse`, where one of the lengths may take four bytes.
[[gnu::noinline]] bool parse_long(std::string_view data, lengths& l) noexcept
{
    const std::size_t first = width(data[0]);
    if (data.size() <= first)
        return false;
    l.own = first + width(data[first]);
    if (data.size() < l.own)
        return false;
    l.name = length_at(data.data());
    l.value = length_at(data.data() + first);
    return true;
}

/// False while `data` ends within the lengths.
inline bool parse(std::string_view data, lengths& l) noexcept
{
    if (data.size() < 2)
        return false;
    const auto name = static_cast<unsigned char>(data[0]), value = static_cast<unsigned char>(data[1]);
    if ((name | value) >= 0x80)
        return parse_long(data, l);
    l = {name, value, 2}; // nearly all are
    return true;
}

void append_length(std::size_t n, std::string& out)
{
    assert(n <= 0x7fffffff);
    if (n < 0x80) {
        out += static_cast<char>(n);
        return;
    }
    const char bytes[] = {static_cast<char>(n >> 24 | 0x80), static_cast<char>(n >> 16),
                          static_cast<char>(n >> 8), static_cast<char>(n)};
    out.append(bytes, sizeof bytes);
}

} // namespace

error_code name_value_decoder::feed(std::string_view piece, const bounds& limit, field_list& out)
{
    // Nothing is kept of a pair before its lengths have passed this.
    const auto fault_of = [&](const lengths& l) noexcept {
        const std::size_t room = limit.bytes - std::min(bytes_, limit.bytes);
        if (l.name == 0)
            return errc::params_empty_name;
        if (l.name > room || l.value > room - l.name)
            return errc::params_too_large;
        if (count_ >= limit.count)
            return errc::params_too_many;
        return no_fault;
    };
    const auto count = [&](std::size_t text_size) {
        bytes_ += text_size;
        ++count_;
    };

    lengths l;
    if (!held_.empty()) {
        // Finish the pair begun before with just what it lacks: the rest of the piece is read in place.
        while (!parse(held_, l)) {
            if (piece.empty())
                return {};
            held_ += piece.front();
            piece.remove_prefix(1);
        }
        if (const errc fault = fault_of(l); fault != no_fault)
            return fault;
        const std::size_t lacking = std::min(l.pair() - held_.size(), piece.size());
        held_.append(piece.substr(0, lacking));
        piece.remove_prefix(lacking);
        if (held_.size() < l.pair())
            return {};
        const std::string_view both = std::string_view(held_).substr(l.own);
        if (both.find('\0') != none)
            return errc::params_nul;
        out.add_adjacent(both, l.name);
        count(both.size());
    }

    // The lengths may hold NUL bytes and the text must not, so the next one is looked for only once it is
    // behind: a search for each pair would take a third of the time.
    std::size_t at = 0;
    std::size_t placed = none; // where the list has this piece, once it has
    std::size_t nul = std::min(piece.find('\0'), piece.size());
    std::size_t room = limit.bytes - std::min(bytes_, limit.bytes);
    std::size_t more = limit.count - std::min(count_, limit.count);
    while (parse(piece.substr(at), l)) {
        const bool within = l.name > 0 && l.name <= room && l.value <= room - l.name && more > 0;
        if (!within)
            return fault_of(l);
        if (piece.size() - at < l.pair())
            break;
        const std::size_t begin = at + l.own;
        at += l.pair();
        if (nul < begin)
            nul = std::min(piece.find('\0', begin), piece.size());
        if (nul < at)
            return errc::params_nul;
        if (placed == none)
            placed = out.place(piece);
        out.add_placed(placed + begin, l.name, l.value);
        room -= at - begin;
        --more;
        count(at - begin);
    }
    held_.assign(piece.substr(at));
    return {};
}

void name_value_decoder::reset() noexcept
{
    if (held_.capacity() > kept_capacity)
        held_ = std::string();
    held_.clear();
    bytes_ = 0;
    count_ = 0;
}

void encode_name_value(std::string_view name, std::string_view value, std::string& out)
{
    append_length(name.size(), out);
    append_length(value.size(), out);
    out.append(name).append(value);
}

} // namespace sluice::fcgi
