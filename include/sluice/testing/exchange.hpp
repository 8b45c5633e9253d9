// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>
#include <sluice/environment.hpp>
#include <sluice/limits.hpp>
#include <sluice/testing/app_loop.hpp>
#include <sluice/testing/client.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testing {

/// One request to an app and its response, for tests of apps: no socket, no thread, no waiting.
///
///     sluice::testing::exchange x(app);
///     x.request("POST", "/notes?lang=en", {{"Content-Type", "text/plain"}}, "a note");
///     assert(x.status() == 201);
///     assert(x.header("Location") == "/notes/1");
///     assert(x.complete() && x.body() == "stored\n");
///
/// What lies between an app and its server is there: the environment is normalized, the window is bounded, rules of the
/// contract hold. Missing is the protocol, and what a web server makes of it.
///
/// Each call runs the app until it waits for something: for the client, for its body, for time. The client reads everything at
/// once until told otherwise. `sleep_for` takes no time: the app sleeps until `advance`.
///
/// What an app throws is a response that failed, as in service; sluice's log, spdlog's default logger, says why.
///
/// Errors: `std::runtime_error` from each call after which the app still runs after `manual_loop::most_handlers` steps, or
/// has sent more than `client::most_kept`; `std::logic_error` from a second request, and from an app that serves filters only.
/// Object lifetimes: outlives what the app keeps of it, a responder or a writer.
/// Thread safety: none. An app that answers from a thread of its own posts to its executor, as in service; `run_until` waits
/// for it.
class exchange {
public:
    explicit exchange(application app, const sluice::limits& l = {});
    ~exchange();
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    // What is asked.

    /// The variables as a web server sends them, those of `GET / HTTP/1.1` from 127.0.0.1: to be changed before the request.
    environment& env() noexcept { return env_; }

    /// Asks for `target`, a path with or without a query (RFC 9112 section 3.2.1), with these header fields and the whole of the
    /// body. A body that is not empty is announced, unless the headers do that: with what Content-Length they like.
    void request(std::string_view method, std::string_view target = "/",
                 std::initializer_list<field> headers = {}, std::string_view body = {});

    /// The same without the body, which follows by `send`. Nothing is announced but by the headers: without Content-Length it is
    /// a body of unknown length.
    void begin(std::string_view method, std::string_view target = "/",
               std::initializer_list<field> headers = {});

    /// A piece of the body: as much as the app has room for is handed over, the rest as it reads.
    void send(std::string_view piece);

    /// The body is complete; the web server went away in the middle of it.
    void end_body();
    void cut_body();

    /// Bytes sent that the app has not made room for.
    std::size_t unsent() const noexcept { return client_.unfed(); }

    // What the client does.

    /// It reads nothing more; `n` bytes more, head included, and then nothing; everything.
    void stall() { client_.stall(); }
    void take(std::uint64_t n);
    void take_all();

    /// It leaves, and the app is told.
    void leave();

    /// It leaves once it has `n` bytes, head included, and the app is told when there is more to send, as behind most web servers.
    /// To be called before the request.
    void leave_after(std::uint64_t n) { client_.break_after(n); }

    /// The server is told to end, and its drain time is over.
    void shut_down();

    // Time.

    /// Lets that much of it pass: who sleeps wakes up in turn, and a client that takes nothing is given up in the end
    /// (`limits::write_stall`, `limits::linger`).
    void advance(manual_loop::duration by);

    /// For apps that work in threads of their own: runs the app until `done()`, or until that much real time is over. Says which.
    bool run_until(const std::function<bool()>& done, manual_loop::duration most = std::chrono::seconds(10));

    // What came of it.

    /// 0 as long as there is no response.
    int status() const { return client_.status(); }
    /// The values of a header, one a line.
    std::string header(std::string_view name) const { return client_.header(name); }
    bool has_header(std::string_view name) const { return client_.has_header(name); }
    /// As it came, in CGI's form; nothing before the end of the head is there.
    std::string head() const { return client_.head(); }
    /// As far as the client has read it.
    std::string body() const { return client_.body(); }
    /// What the app wrote to `request::errors()`.
    const std::string& errors() const noexcept { return client_.errors(); }

    /// It ended well, as a whole; the app or sluice cut it short; either of these, or the client left.
    bool complete() const noexcept { return client_.ended_well(); }
    bool aborted() const noexcept { return client_.ended_aborted(); }
    bool ended() const noexcept { return client_.ended(); }

    /// The app has returned. It may have kept its responder, or its writer.
    bool returned() const noexcept { return returned_; }

    /// Bytes held for the client, in whole blocks: now, and at most.
    std::size_t held() const noexcept { return client_.held(); }
    std::size_t peak_held() const noexcept { return client_.peak_held(); }

    /// Bytes of head and body in each piece that a FastCGI connection would have made a record of.
    const std::vector<std::size_t>& pieces() const noexcept { return client_.record_sizes(); }

private:
    void start(std::string_view method, std::string_view target, std::initializer_list<field> headers,
               bool body_follows);
    void run();
    void check(std::size_t handlers) const;

    environment env_;
    bool asked_ = false, returned_ = false;
    app_loop loop_;
    client client_;
};

} // namespace sluice::testing
