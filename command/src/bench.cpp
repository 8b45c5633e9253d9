// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "bench.hpp"

#include "bench_report.hpp"
#include "bodies.hpp"
#include "request_params.hpp"
#include "units.hpp"

#include <sluice/fcgi/client.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include <unistd.h>

namespace sluice::command {

namespace {

using boost::asio::use_awaitable;
using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t piece_size = 64 * 1024;

// After a failure the next connection is not tried at once.
constexpr auto pause_after_failure = 10ms;

// Among the clients to be closed when the load ends, as long as it lives.
class listed {
public:
    listed(std::set<fcgi::client*>& all, fcgi::client& c) : all_(all), client_(c) { all_.insert(&client_); }
    ~listed() { all_.erase(&client_); }
    listed(const listed&) = delete;
    listed& operator=(const listed&) = delete;

private:
    std::set<fcgi::client*>& all_;
    fcgi::client& client_;
};

class load {
public:
    explicit load(const bench_options& o);

    bench_figures run();

private:
    task<void> connection();
    task<void> lane(fcgi::client& c);
    task<void> request(fcgi::client& c);
    task<void> send(fcgi::client_exchange& x);
    task<void> receive(fcgi::client_exchange& x, int& status);
    task<void> pause(clock::duration time);
    void fail(const std::string& why);
    void end();
    void progress();
    bool over() const noexcept { return over_ || (options_.requests > 0 && begun_ >= options_.requests); }

    const bench_options& options_;
    std::chrono::milliseconds duration_;
    std::uint64_t rate_ = 0;
    fcgi::client_request request_;
    std::string body_;

    boost::asio::io_context loop_{1};
    boost::asio::steady_timer time_over_{loop_}, next_line_{loop_};
    clock::time_point began_;
    std::set<fcgi::client*> clients_;
    std::uint64_t begun_ = 0;
    unsigned connections_ = 0;
    bool over_ = false; ///< the time
    bool ended_ = false;
    bench_figures figures_;
};

load::load(const bench_options& o) : options_(o), duration_(time_named("--duration", o.duration))
{
    if (o.close && o.at_once > 1)
        throw std::invalid_argument("--close with --multiplex: a connection for each request has but one");
    if (!o.rate.empty() && (rate_ = size_named("--rate", o.rate)) < 10)
        throw std::invalid_argument("--rate: must be at least 10 bytes a second");
    request_target target{o.body ? "POST" : "GET", o.uri, std::nullopt};
    if (o.body) {
        body_source source(*o.body);
        std::string piece(piece_size, '\0');
        while (const auto n = source.read(piece))
            body_.append(piece, 0, n);
        target.content_length = body_.size();
    }
    request_.keep = !o.close;
    request_.params = request_params(target, o.params);
    figures_.what = fmt::format("{} {}", o.target, o.uri);
}

bench_figures load::run()
{
    began_ = clock::now();
    time_over_.expires_after(duration_);
    time_over_.async_wait([this](const error_code& ec) {
        if (ec)
            return;
        over_ = true; // what is under way now is no failure
        end();
    });
    progress();
    std::exception_ptr wrong;
    connections_ = options_.connections;
    for (unsigned i = 0; i < options_.connections; ++i)
        boost::asio::co_spawn(loop_, connection(), [&](std::exception_ptr e) {
            if (e && !wrong) {
                wrong = e;
                end();
            }
            if (--connections_ == 0)
                end();
        });
    loop_.run();
    if (wrong)
        std::rethrow_exception(wrong);
    return std::move(figures_);
}

void load::end()
{
    if (!std::exchange(ended_, true))
        figures_.seconds = std::chrono::duration<double>(clock::now() - began_).count();
    over_ = true;
    time_over_.cancel();
    next_line_.cancel();
    for (auto* const each : clients_)
        each->close();
}

void load::progress()
{
    if (!options_.progress && ::isatty(STDERR_FILENO) == 0)
        return;
    next_line_.expires_after(1s);
    next_line_.async_wait([this](const error_code& ec) {
        if (ec || over_)
            return;
        figures_.seconds = std::chrono::duration<double>(clock::now() - began_).count();
        const bool terminal = ::isatty(STDERR_FILENO) != 0;
        fmt::print(stderr, "{}{}{}", terminal ? "\r\033[K" : "", progress_line(figures_),
                   terminal ? "" : "\n");
        std::fflush(stderr);
        progress();
    });
}

void load::fail(const std::string& why)
{
    if (over_)
        return; // our own doing
    if (figures_.failed++ == 0)
        figures_.first_failure = why;
}

task<void> load::pause(clock::duration time)
{
    boost::asio::steady_timer timer(loop_, time);
    co_await timer.async_wait(use_awaitable);
}

// One connection after another, as long as the load lasts.
task<void> load::connection()
{
    while (!over()) {
        fcgi::client c(loop_.get_executor());
        const listed in_list(clients_, c); // an address that is none is thrown through here
        std::string failure;
        const auto failed_before = figures_.failed;
        try {
            co_await c.async_connect(options_.target, use_awaitable);
        } catch (const system_error& e) {
            failure = e.code().message();
        }
        if (failure.empty()) {
            // All lanes at once; the timer never expires, the last of them cancels it.
            boost::asio::steady_timer lanes_ended(loop_, clock::time_point::max());
            unsigned lanes = options_.at_once;
            for (unsigned i = 0; i < options_.at_once; ++i)
                boost::asio::co_spawn(loop_, lane(c), [&](std::exception_ptr) {
                    if (--lanes == 0)
                        lanes_ended.cancel();
                });
            error_code ignored;
            while (lanes > 0)
                co_await lanes_ended.async_wait(boost::asio::redirect_error(use_awaitable, ignored));
        } else {
            ++begun_; // so that the load ends when nobody is there
            fail(failure);
        }
        if (figures_.failed > failed_before && !over())
            co_await pause(pause_after_failure);
    }
}

task<void> load::lane(fcgi::client& c)
{
    // Once at any rate: a connection closed at once is a failure, too.
    for (bool first = true; !over() && (first || c.reusable()); first = false) {
        ++begun_;
        try {
            co_await request(c);
        } catch (const std::exception& e) {
            if (over_)
                ++figures_.unfinished;
            const auto* const se = dynamic_cast<const system_error*>(&e);
            fail(se ? se->code().message() : e.what());
        }
    }
}

task<void> load::request(fcgi::client& c)
{
    const auto asked = clock::now();
    auto x = co_await c.async_start(request_, {}, use_awaitable);
    int status = 200;
    if (body_.empty()) {
        x.finish();
        co_await receive(x, status);
    } else {
        using namespace boost::asio::experimental::awaitable_operators;
        co_await (send(x) && receive(x, status));
    }
    const auto& end = x.end().value();
    if (!end.well())
        throw std::runtime_error(fmt::format("END_REQUEST with protocolStatus {} and appStatus {}",
                                             static_cast<unsigned>(end.protocol_status), end.app_status));
    figures_.times.add(clock::now() - asked);
    ++figures_.answers;
    if (status < 200 || status > 299)
        ++figures_.not_2xx;
}

task<void> load::send(fcgi::client_exchange& x)
{
    try {
        co_await x.write(body_);
        x.finish();
    } catch (const system_error&) {
        // An answer may have come all the same: `receive` says.
    }
}

task<void> load::receive(fcgi::client_exchange& x, int& status)
{
    // With a rate ten reads a second: so a reader is held up for a tenth of a second at most when the time is over.
    const auto most = rate_ > 0 ? std::min<std::uint64_t>(rate_ / 10, piece_size) : piece_size;
    std::vector<char> buffer(static_cast<std::size_t>(most));
    bool first = true;
    auto next = clock::now();
    while (const auto n = co_await x.read(boost::asio::buffer(buffer))) {
        if (std::exchange(first, false))
            status = status_of({buffer.data(), n});
        figures_.bytes += n;
        if (rate_ > 0) {
            next = std::max(next, clock::now() - 100ms) +
                   std::chrono::duration_cast<clock::duration>(
                       std::chrono::duration<double>(static_cast<double>(n) / static_cast<double>(rate_)));
            if (next > clock::now())
                co_await pause(next - clock::now());
        }
    }
}

} // namespace

int bench(const bench_options& o)
{
    load l(o);
    const auto figures = l.run();
    if (::isatty(STDERR_FILENO) != 0)
        fmt::print(stderr, "\r\033[K");
    if (!write_all(STDOUT_FILENO, o.json ? json_report(figures) : report(figures)))
        return 1;
    return figures.answers > 0 && figures.failed == 0 ? 0 : 1;
}

} // namespace sluice::command
