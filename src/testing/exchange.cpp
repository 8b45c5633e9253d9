// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/testing/exchange.hpp>

#include <sluice/detail/text.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace sluice::testing {

namespace {

// As often as a server looks.
constexpr auto tick = std::chrono::seconds(1);

// The name that CGI gives a header field (RFC 3875 section 4.1.18).
std::string variable_of(std::string_view header)
{
    const bool has_its_own =
        text::equal_nocase(header, "Content-Type") || text::equal_nocase(header, "Content-Length");
    std::string name(has_its_own ? "" : "HTTP_");
    for (const char c : header)
        name += c == '-' ? '_' : text::upper(c);
    return name;
}

role role_of(const application& app)
{
    for (const auto r : {role::responder, role::authorizer})
        if (app.serves(r))
            return r;
    throw std::logic_error("testing::exchange asks responders and authorizers; this app serves neither");
}

} // namespace

exchange::exchange(application app, const sluice::limits& l) : loop_(std::move(app), l), client_(loop_)
{
    loop_.stop_clock();
    env_.add("GATEWAY_INTERFACE", "CGI/1.1");
    env_.add("SERVER_PROTOCOL", "HTTP/1.1");
    env_.add("SERVER_SOFTWARE", "sluice::testing");
    env_.add("SERVER_NAME", "localhost");
    env_.add("SERVER_PORT", "80");
    env_.add("REMOTE_ADDR", "127.0.0.1");
    env_.add("HTTP_HOST", "localhost");
}

exchange::~exchange() = default;

// What is asked

void exchange::request(std::string_view method, std::string_view target, std::initializer_list<field> headers,
                       std::string_view body)
{
    if (!body.empty() && !env_.contains("CONTENT_LENGTH"))
        env_.add("CONTENT_LENGTH", std::to_string(body.size()));
    // As said by the body, or by a header without one: then it is cut short.
    const auto announced = std::any_of(headers.begin(), headers.end(), [](const field& f) {
        return text::equal_nocase(f.name, "Content-Length") && f.value != "0";
    });
    start(method, target, headers, !body.empty() || announced);
    if (body.empty() && !announced)
        return;
    client_.feed_later(body);
    client_.feed_end();
    run();
}

void exchange::begin(std::string_view method, std::string_view target, std::initializer_list<field> headers)
{
    start(method, target, headers, true);
}

void exchange::start(std::string_view method, std::string_view target, std::initializer_list<field> headers,
                     bool body_follows)
{
    if (std::exchange(asked_, true))
        throw std::logic_error("a testing::exchange is one request: make another for the next");
    env_.set("REQUEST_METHOD", method);
    env_.set("REQUEST_URI", target); // of which SCRIPT_NAME and PATH_INFO are made
    const auto mark = target.find('?');
    env_.set("QUERY_STRING", mark == target.npos ? "" : target.substr(mark + 1));
    for (const field& f : headers) {
        const auto name = variable_of(f.name);
        if (name.starts_with("HTTP_") && name != "HTTP_HOST")
            env_.add(name, f.value); // repeated ones are joined
        else
            env_.set(name, f.value);
    }
    if (!client_.open(role_of(loop_.resources().app())))
        throw std::logic_error("limits::pool_bytes has no block for a request");
    const bool admitted = client_.request(env_, body_follows);
    if (admitted && client_.exchange_or_null() && client_.x().app_running())
        client_.x().when_app_returns([this] { returned_ = true; });
    else
        returned_ = admitted;
    run();
}

void exchange::send(std::string_view piece)
{
    client_.feed_later(piece);
    run();
}

void exchange::end_body()
{
    client_.feed_end();
    run();
}

void exchange::cut_body()
{
    client_.feed_end(true);
    run();
}

// What the client does

void exchange::take(std::uint64_t n)
{
    client_.take(n);
    run();
}

void exchange::take_all()
{
    client_.take_all();
    run();
}

void exchange::leave()
{
    client_.leave();
    run();
}

void exchange::shut_down()
{
    client_.cancel();
    run();
}

// Time

void exchange::advance(manual_loop::duration by)
{
    const auto until = loop_.now() + by;
    std::size_t handlers = 0;
    while (!client_.ended() && loop_.now() < until && handlers < manual_loop::most_handlers) {
        handlers += loop_.advance(std::min<manual_loop::duration>(tick, until - loop_.now()));
        client_.let_time_pass();
    }
    if (handlers < manual_loop::most_handlers)
        handlers += loop_.advance(until - loop_.now());
    check(handlers);
}

bool exchange::run_until(const std::function<bool()>& done, manual_loop::duration most)
{
    return loop_.poll_until(done, most);
}

void exchange::run()
{
    auto handlers = loop_.poll();
    // More is queued: the kernel would tell, though the app waits and writes nothing.
    if (client_.at_break()) {
        client_.leave();
        handlers += loop_.poll();
    }
    check(handlers);
}

void exchange::check(std::size_t handlers) const
{
    if (handlers >= manual_loop::most_handlers)
        throw std::runtime_error("testing::exchange: the app still runs after " + std::to_string(handlers) +
                                 " steps; call stall() before the request if its response has no end");
    if (client_.full())
        throw std::runtime_error("testing::exchange: the response is larger than " +
                                 std::to_string(client::most_kept) +
                                 " bytes; look at its first part, after stall() and take()");
}

} // namespace sluice::testing
