// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/body_source.hpp>

#include <algorithm>
#include <concepts>
#include <cstring>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// What `response_body` makes of a callable or a range.
namespace sluice::detail {

// The shapes of a callable, best seen in response_body's table.
template <class F>
concept fills = std::is_invocable_r_v<std::size_t, F&, boost::asio::mutable_buffer>;
template <class F>
concept fills_later = std::same_as<std::invoke_result_t<F&, boost::asio::mutable_buffer>, task<std::size_t>>;
template <class F>
concept gives = std::same_as<std::invoke_result_t<F&>, std::optional<std::string>>;
template <class F>
concept gives_later = std::same_as<std::invoke_result_t<F&>, task<std::optional<std::string>>>;
template <class F>
concept body_callable = fills<F> || fills_later<F> || gives<F> || gives_later<F>;

/// Strings, or what is like them, one after the other.
template <class R>
concept body_pieces = std::ranges::input_range<R> && !std::convertible_to<R, std::string_view> &&
                      std::constructible_from<std::string, std::ranges::range_reference_t<R>>;

/// What is left of a piece that was larger than the room for it.
class piece_rest {
public:
    bool empty() const noexcept { return at_ == piece_.size(); }
    void set(std::string piece) noexcept
    {
        piece_ = std::move(piece);
        at_ = 0;
    }
    std::size_t take(boost::asio::mutable_buffer to) noexcept
    {
        const auto n = std::min(to.size(), piece_.size() - at_);
        std::memcpy(to.data(), piece_.data() + at_, n);
        at_ += n;
        return n;
    }

private:
    std::string piece_;
    std::size_t at_ = 0;
};

template <body_callable F>
class callable_source final : public body_source {
public:
    explicit callable_source(F f) : function_(std::move(f)) {}

    std::optional<std::size_t> try_read(boost::asio::mutable_buffer to) override
    {
        if constexpr (fills<F>) {
            return function_(to);
        } else if constexpr (gives<F>) {
            while (rest_.empty()) { // an empty piece is not the end (R30)
                auto next = function_();
                if (!next)
                    return 0;
                rest_.set(std::move(*next));
            }
            return rest_.take(to);
        } else {
            if (!rest_.empty())
                return rest_.take(to);
            return std::nullopt;
        }
    }

    task<std::size_t> read(boost::asio::mutable_buffer to) override
    {
        if constexpr (fills_later<F>) {
            co_return co_await function_(to);
        } else if constexpr (gives_later<F>) {
            while (rest_.empty()) {
                auto next = co_await function_();
                if (!next)
                    co_return 0;
                rest_.set(std::move(*next));
            }
            co_return rest_.take(to);
        } else {
            co_return *try_read(to);
        }
    }

private:
    F function_;
    piece_rest rest_;
};

class pieces_source final : public body_source {
public:
    explicit pieces_source(std::vector<std::string> pieces) noexcept : pieces_(std::move(pieces)) {}

    std::optional<std::uint64_t> length() const override;
    std::optional<std::size_t> try_read(boost::asio::mutable_buffer to) override;
    task<std::size_t> read(boost::asio::mutable_buffer to) override;

private:
    std::vector<std::string> pieces_;
    std::size_t next_ = 0; ///< the first of `pieces_` that was not begun
    piece_rest rest_;
};

} // namespace sluice::detail
