// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>
#include <sluice/environment.hpp>
#include <sluice/limits.hpp>
#include <sluice/request.hpp>
#include <sluice/response.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sluice {

namespace detail {
class blocking_bridge;
}

/// The bounds of the threads in which a blocking app runs. Beside `limits`, because they are the app's and not the server's:
/// a service may have apps that differ.
struct blocking_options {
    /// Requests in the app at once, each on a thread of its own; started as they are needed, and kept. A client holds one
    /// for as long as it reads, so this is also how many slow ones it takes to keep all others waiting. 1 for a program
    /// that keeps what belongs to a request in global variables.
    std::size_t threads = 64;

    /// Requests that wait for a thread; over it they get a complete 503. A wait is worth it where threads come free in
    /// fractions of a second: who would have hundreds before him is better told at once.
    std::size_t queue = 256;

    /// A body that announces up to so many bytes is taken in before a thread is (`request_body::buffer`), so that clients that
    /// send slowly hold none; one that is cut short is then answered with 400 without the app. Larger ones, and those of unknown
    /// length, are read as they come. What is over `limits::input_window`, which this is by default, needs room in TMPDIR. 0: all
    /// are read as they come, for an app that answers while it reads.
    std::uint64_t buffered_body = 64 * 1024;

    /// When the app is destroyed, which is at the end of `sluice::run`: how long it waits for threads in which the app has
    /// not returned. Those that do not come back are left behind, so that one of them cannot keep a service from ending.
    /// Their streams have failed by then, so that only the app's own work keeps them; and mod_fcgid kills 3 s after its
    /// SIGTERM, of which the drain takes 1.5.
    std::chrono::milliseconds grace{500};
};

/// A request, and its response, as the thread of a blocking app sees it.
///
/// The client sets the pace: what is written to `out()` is held up to 8 KiB, then the thread waits until there is room in the
/// response's window. Reading from `in()` waits for the client.
///
/// Errors of the streams set `badbit`; with `exceptions(std::ios::badbit)` they are thrown as `system_error`: those of `writer`
/// and `request_body`. Once the client has gone, `out()` is bad and writing returns at once. An exception that leaves the app
/// answers 500, or after the head fails the response. So does an `out()` that has failed when the app returns, and an `in()`
/// (400, where the client cut its body short), unless the app has dealt with that and called `in().clear()`.
///
/// Thread safety: none; for the thread that the app is called in, until the app returns.
class blocking_request {
public:
    explicit blocking_request(detail::blocking_bridge& b) noexcept : bridge_(b) {}
    blocking_request(const blocking_request&) = delete;
    blocking_request& operator=(const blocking_request&) = delete;

    /// The environment as it was when the app was called: the app's own, to change as it likes.
    environment& env() noexcept;

    /// The body. Its end is end-of-file; one that is cut short is an error.
    std::istream& in() noexcept;

    /// Sends status and headers; gives `out()`. Waits for the loop, not for the client.
    /// Errors: as `responder::start`.
    std::ostream& start(int status, std::initializer_list<field> headers = {});
    std::ostream& start(response_head head);

    /// The response's body. `std::flush` waits until the kernel has it. Bad before `start`.
    std::ostream& out() noexcept;

    /// Sends a line to the web server's error log, as `request::errors`. Does not wait.
    void error_line(std::string_view text);

    /// True once nobody waits for the answer any more.
    bool ended() const noexcept;

    const sluice::limits& limits() const noexcept;
    const service_facts& facts() const noexcept;

private:
    detail::blocking_bridge& bridge_;
};

namespace detail {
application make_blocking(std::function<void(blocking_request&)> f, const blocking_options& options);
}

/// An app that may block: `f(blocking_request&)` is called on a thread of a pool that belongs to the app and its copies.
///
///     return sluice::run(argc, argv, sluice::blocking([](sluice::blocking_request& req) {
///         auto& out = req.start(200, {{"Content-Type", "text/plain"}});
///         for (const auto& row : database.select(req.env().query_string()))
///             out << row << '\n'; // waits for the client
///     }));
///
/// Its end is the end of the response. `f` is called by up to `blocking_options::threads` threads at once.
/// For programs that write CGI's head themselves there is `cgi::ported`.
template <class F>
requires std::is_invocable_v<const F&, blocking_request&> application
blocking(F f, const blocking_options& options = {})
{
    return detail::make_blocking(
        [shared = std::make_shared<const F>(std::move(f))](blocking_request& r) { (*shared)(r); }, options);
}

} // namespace sluice
