// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// A name and its value, as views into the list that holds them.
struct field {
    std::string_view name;
    std::string_view value;
};

/// How a `field_list` compares names.
enum class field_case {
    sensitive,   ///< CGI variables
    insensitive, ///< header fields (RFC 9110 section 5.1), ASCII letters only
};

/// Ordered name–value pairs in one buffer: what an environment and a set of headers have in common.
///
/// Names may repeat; their order is kept. All text lies in one growing buffer that `clear()` keeps, so
/// a list that is reused stops allocating.
///
/// Object lifetimes: every view handed out is valid until the next call of a non-const member.
/// Thread safety: as the standard containers.
class field_list {
public:
    class const_iterator;

    explicit field_list(field_case c = field_case::sensitive) noexcept : case_(c) {}

    bool empty() const noexcept { return entries_.size() == 0; }
    std::size_t size() const noexcept { return entries_.size(); }

    /// Precondition: i < size().
    field operator[](std::size_t i) const noexcept;

    const_iterator begin() const noexcept;
    const_iterator end() const noexcept;

    /// Position of the first field of that name at or after `from`; `size()` when there is none.
    std::size_t find(std::string_view name, std::size_t from = 0) const noexcept;
    bool contains(std::string_view name) const noexcept { return find(name) != size(); }

    /// The first value of that name, or "" when there is none. Use `contains` to tell the two apart.
    std::string_view get(std::string_view name) const noexcept;

    /// Appends a field; an earlier one of that name stays. `name` and `value` may be views into this list.
    void add(std::string_view name, std::string_view value);

    /// The same for a name and a value that lie side by side, as decoders find them: the first `name_size`
    /// bytes of `both` are the name. Precondition: name_size <= both.size().
    void add_adjacent(std::string_view both, std::size_t name_size);

    /// Takes over text in which names lie with their values right behind them, for decoders: one copy for all. Gives the
    /// place of its first byte, for `add_placed`.
    std::size_t place(std::string_view text) { return append(text, {}); }

    /// Appends the field whose name begins at `at`, as counted from what `place` gave. Preconditions: name and value lie
    /// within the text placed last, and only `add_placed` was called since.
    void add_placed(std::size_t at, std::size_t name_size, std::size_t value_size)
    {
        add_entry(at, name_size, value_size, key_of({text_.data() + at, name_size}));
    }

    /// Gives the first field of that name this value and removes the others; appends it when there is none.
    void set(std::string_view name, std::string_view value);

    /// Gives field `i` another value. Precondition: i < size().
    void set_at(std::size_t i, std::string_view value);

    /// Removes every field of that name; says how many there were.
    std::size_t erase(std::string_view name);

    /// Removes field `i`. Precondition: i < size().
    void erase_at(std::size_t i);

    /// Removes the fields at the positions `drop(position)` says true for; says how many there were.
    template <class Predicate>
    std::size_t erase_positions(Predicate drop)
    {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (!drop(i))
                entries_[kept++] = entries_[i];
        }
        const std::size_t dropped = entries_.size() - kept;
        entries_.resize(kept);
        return dropped;
    }

    /// Removes all, keeps the memory.
    void clear() noexcept;

    /// A hash of the name of field `i`: equal for equal names, in whatever case they are written. CGI variables and
    /// header fields of one length seldom share it. Precondition: i < size().
    std::uint32_t key(std::size_t i) const noexcept { return entries_[i].key; }

    /// Bytes of text held, for limits.
    std::size_t text_size() const noexcept { return text_end_; }

private:
    struct entry {
        std::uint32_t name_at, name_size, value_at, value_size;
        std::uint32_t key;
    };

    /// Appends `a` and `b` to the text; says where `a` begins. Either may be a view into the text.
    std::size_t append(std::string_view a, std::string_view b);
    std::size_t append_to_larger(std::string_view a, std::string_view b);
    void add_entry(std::size_t at, std::size_t name_size, std::size_t value_size, std::uint32_t key)
    {
        entries_.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(name_size),
                            static_cast<std::uint32_t>(at + name_size),
                            static_cast<std::uint32_t>(value_size), key});
    }
    static std::uint32_t key_of(std::string_view name) noexcept
    {
        const std::size_t n = name.size();
        if (n == 0)
            return 0;
        const auto letter = [name](std::size_t i) {
            return static_cast<std::uint32_t>(static_cast<unsigned char>(name[i]) | 0x20);
        };
        // Places at which the variables that web servers and browsers send differ, all of them.
        return (static_cast<std::uint32_t>(n) << 24) | (letter((n + 2) / 4) << 16) |
               (letter(n * 5 / 8) << 8) | letter(n * 7 / 8);
    }

    std::string text_; ///< as large as it may become; used up to text_end_
    std::size_t text_end_ = 0;
    std::vector<entry> entries_;
    field_case case_;
};

inline field field_list::operator[](std::size_t i) const noexcept
{
    const entry& e = entries_[i];
    return {{text_.data() + e.name_at, e.name_size}, {text_.data() + e.value_at, e.value_size}};
}

class field_list::const_iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = field;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = field;

    const_iterator() = default;
    const_iterator(const field_list* list, std::size_t i) noexcept : list_(list), i_(i) {}

    field operator*() const noexcept { return (*list_)[i_]; }
    const_iterator& operator++() noexcept
    {
        ++i_;
        return *this;
    }
    const_iterator operator++(int) noexcept
    {
        auto old = *this;
        ++i_;
        return old;
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) noexcept { return a.i_ == b.i_; }

private:
    const field_list* list_ = nullptr;
    std::size_t i_ = 0;
};

inline field_list::const_iterator field_list::begin() const noexcept
{
    return {this, 0};
}
inline field_list::const_iterator field_list::end() const noexcept
{
    return {this, size()};
}

} // namespace sluice
