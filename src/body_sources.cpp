// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/body_sources.hpp>

namespace sluice::detail {

std::optional<std::uint64_t> pieces_source::length() const
{
    std::uint64_t n = 0;
    for (const auto& piece : pieces_)
        n += piece.size();
    return n;
}

std::optional<std::size_t> pieces_source::try_read(boost::asio::mutable_buffer to)
{
    // Small pieces fill the room together; each is let go once it has been copied.
    std::size_t taken = 0;
    for (;;) {
        const auto n = rest_.take(to);
        to += n;
        taken += n;
        if (!rest_.empty() || next_ == pieces_.size())
            return taken;
        rest_.set(std::move(pieces_[next_++]));
    }
}

task<std::size_t> pieces_source::read(boost::asio::mutable_buffer to)
{
    co_return *try_read(to);
}

} // namespace sluice::detail
