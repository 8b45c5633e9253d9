// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::cgi {

/// What a program writes to its stderr, as lines that are fit for a log (R21, F26): without control characters, none longer
/// than `longest_line`, all together bounded.
class script_errors {
public:
    static constexpr std::size_t longest_line = 1024;

    /// `most`: bytes, line ends included; whole lines over it are dropped, and counted.
    explicit script_errors(std::size_t most) noexcept : most_(most) {}

    /// Calls `each` with every line that has become whole. The view is valid within the call.
    template <class F>
    void feed(std::string_view text, F&& each)
    {
        for (const char c : text) {
            if (c == '\n' || line_.size() == longest_line)
                end(each);
            if (c != '\n')
                line_ += printable(c);
            open_ = c != '\n';
        }
    }

    /// As `feed`, with what has no line end.
    template <class F>
    void end(F&& each)
    {
        size_ += line_.size() + 1;
        if (size_ > most_)
            ++lost_;
        else
            each(std::string_view(line_));
        line_.clear();
        open_ = false;
    }

    /// There is a line that has begun.
    bool open() const noexcept { return open_; }

    /// Lines that were dropped.
    std::size_t lost() const noexcept { return lost_; }

private:
    static char printable(char c) noexcept
    {
        const auto u = static_cast<unsigned char>(c);
        return (u < ' ' && c != '\t') || u == 0x7f ? '?' : c;
    }

    std::size_t most_, size_ = 0, lost_ = 0;
    std::string line_;
    bool open_ = false;
};

} // namespace sluice::cgi
