// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/body_source.hpp>
#include <sluice/detail/body_sources.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice {

class file;

/// The body of a complete response.
///
/// | made of | for example | Content-Length |
/// |---|---|---|
/// | a string | `r.body = "Hello"` | its size |
/// | pieces: strings in a range | `r.body = std::vector<std::string>{"<p>", text, "</p>"}` | their sizes |
/// | a file, or part of one | `r.body = sluice::file::open(path)` | of the file or the part |
/// | a function that fills a buffer and says how far, 0 at the end | `std::size_t(mutable_buffer)` | chosen by the server |
/// | a function that gives piece after piece, nothing at the end | `std::optional<std::string>()` | the same |
/// | a coroutine of either kind | `task<std::size_t>(mutable_buffer)`, `task<std::optional<std::string>>()` | the same |
/// | a `body_source` | `std::make_unique<my_source>()` | `length()` |
///
/// All but strings are read as the client makes room: a window of them is held, and not more. A functional object is
/// moved in; a plain function must not block, since others wait for the loop meanwhile. An empty piece is not the end.
///
/// Thread safety: none.
class response_body {
public:
    response_body() = default;
    response_body(std::string text) noexcept : text_(std::move(text)) {}
    response_body(std::string_view text) : text_(text) {}
    response_body(const char* text) : text_(text) {}

    /// Released when it has been sent, or when the response has failed (R29).
    template <std::derived_from<body_source> S>
    response_body(std::unique_ptr<S> source) noexcept : source_(std::move(source))
    {}

    response_body(std::vector<std::string> pieces)
        : source_(std::make_unique<detail::pieces_source>(std::move(pieces)))
    {}
    template <detail::body_pieces R>
    requires(!std::same_as<std::remove_cvref_t<R>, std::vector<std::string>>) response_body(R&& pieces)
        : response_body(std::vector<std::string>(std::ranges::begin(pieces), std::ranges::end(pieces)))
    {}

    template <class F>
    requires detail::body_callable<std::decay_t<F>> response_body(F&& function)
        : source_(std::make_unique<detail::callable_source<std::decay_t<F>>>(std::forward<F>(function)))
    {}

    /// All of `f`, as it was when it was opened.
    response_body(file f);

    /// `length` bytes of `f` from `offset`. Precondition: they are within its size.
    response_body(file f, std::uint64_t offset, std::uint64_t length);

    /// Appends to the string that it is. Precondition: !streams().
    response_body& operator+=(std::string_view more)
    {
        text_ += more;
        return *this;
    }

    /// The string that it is; "" when it is something else.
    const std::string& text() const noexcept { return text_; }
    /// Precondition: !streams().
    std::string take_text() noexcept { return std::move(text_); }

    /// Whether it is that string, and not something that is read: for an app's own tests.
    friend bool operator==(const response_body& b, std::string_view text) noexcept
    {
        return !b.streams() && b.text_ == text;
    }

    /// Whether it is anything but a string.
    bool streams() const noexcept { return source_ != nullptr; }
    std::unique_ptr<body_source> take_source() noexcept { return std::move(source_); }

private:
    std::string text_;
    std::unique_ptr<body_source> source_;
};

} // namespace sluice
