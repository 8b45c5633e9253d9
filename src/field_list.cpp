// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/text.hpp>
#include <sluice/field_list.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace sluice {
namespace {

// Offsets are 32 bits wide.
constexpr std::size_t most_text = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t least_capacity = 512;

void copy_to(char* to, std::string_view from) noexcept
{
    if (!from.empty())
        std::memcpy(to, from.data(), from.size());
}

bool same_name(std::string_view a, std::string_view b, field_case c) noexcept
{
    return c == field_case::sensitive ? a == b : text::equal_nocase(a, b);
}

} // namespace

std::size_t field_list::find(std::string_view name, std::size_t from) const noexcept
{
    const std::uint32_t key = key_of(name);
    for (std::size_t i = from; i < entries_.size(); ++i) {
        if (entries_[i].key == key && same_name((*this)[i].name, name, case_))
            return i;
    }
    return entries_.size();
}

std::string_view field_list::get(std::string_view name) const noexcept
{
    const std::size_t i = find(name);
    return i == entries_.size() ? std::string_view() : (*this)[i].value;
}

void field_list::add(std::string_view name, std::string_view value)
{
    const std::uint32_t key = key_of(name); // first: `append` may end the life of `name`
    add_entry(append(name, value), name.size(), value.size(), key);
}

void field_list::add_adjacent(std::string_view both, std::size_t name_size)
{
    const std::uint32_t key = key_of(both.substr(0, name_size));
    add_entry(append(both, {}), name_size, both.size() - name_size, key);
}

void field_list::set(std::string_view name, std::string_view value)
{
    const std::size_t i = find(name);
    if (i == entries_.size())
        return add(name, value);
    for (std::size_t again = find(name, i + 1); again != entries_.size(); again = find(name, again))
        erase_at(again);
    set_at(i, value);
}

void field_list::set_at(std::size_t i, std::string_view value)
{
    const auto size = static_cast<std::uint32_t>(value.size());
    if (value.size() <= entries_[i].value_size) {
        // In place; `value` may be a part of what is overwritten.
        if (size != 0)
            std::memmove(text_.data() + entries_[i].value_at, value.data(), size);
    } else {
        entries_[i].value_at = static_cast<std::uint32_t>(append(value, {}));
    }
    entries_[i].value_size = size;
}

std::size_t field_list::erase(std::string_view name)
{
    const std::size_t before = entries_.size();
    const std::uint32_t key = key_of(name);
    std::erase_if(entries_, [&](const entry& e) {
        return e.key == key && same_name({text_.data() + e.name_at, e.name_size}, name, case_);
    });
    return before - entries_.size();
}

void field_list::erase_at(std::size_t i)
{
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
}

void field_list::clear() noexcept
{
    text_end_ = 0;
    entries_.clear();
}

std::size_t field_list::append(std::string_view a, std::string_view b)
{
    // A list that was moved from has an end but no text.
    const std::size_t room = std::max(text_.size(), text_end_) - text_end_;
    if (a.size() > room || b.size() > room - a.size())
        return append_to_larger(a, b);

    const std::size_t at = text_end_;
    copy_to(text_.data() + at, a);
    copy_to(text_.data() + at + a.size(), b);
    text_end_ += a.size() + b.size();
    return at;
}

std::size_t field_list::append_to_larger(std::string_view a, std::string_view b)
{
    std::size_t live = 0;
    for (const entry& e : entries_)
        live += std::size_t{e.name_size} + e.value_size;
    if (a.size() > most_text - live || b.size() > most_text - live - a.size())
        throw std::length_error("sluice::field_list: more than 4 GiB of names and values");

    // `a` and `b` may be views into the old text, which therefore lives until all is copied. What `set_at`
    // and the erasing calls left unused is not taken along.
    // An environment comes in one piece, and grows by little then.
    const std::size_t needed = live + a.size() + b.size();
    std::string larger(std::clamp(needed + needed / 4, least_capacity, most_text), '\0');
    std::size_t end = 0;
    const auto move_over = [&](std::uint32_t& from, std::uint32_t size) {
        copy_to(larger.data() + end, {text_.data() + from, size});
        from = static_cast<std::uint32_t>(end);
        end += size;
    };
    for (entry& e : entries_) {
        move_over(e.name_at, e.name_size);
        move_over(e.value_at, e.value_size);
    }
    const std::size_t at = end;
    copy_to(larger.data() + at, a);
    copy_to(larger.data() + at + a.size(), b);
    text_.swap(larger);
    text_end_ = at + a.size() + b.size();
    return at;
}

} // namespace sluice
