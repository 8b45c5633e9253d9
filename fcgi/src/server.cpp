// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/server.hpp>

#include "connection_filter.hpp"
#include "loop.hpp"

#include <sluice/log.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace sluice::fcgi {

namespace {

// Connections taken from the queue before those that are open get their turn.
constexpr int accepts_a_turn = 32;

// The longest queue Linux makes unless told otherwise.
constexpr int accepts_at_drain = 4096;

// When descriptors run out the queue stays readable: look again only after a while.
constexpr auto accept_pause = std::chrono::milliseconds(100);

// A descriptor on its way to another loop, which may end before it gets it.
struct owned_fd {
    explicit owned_fd(int f) noexcept : fd(f) {}
    owned_fd(owned_fd&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
    owned_fd& operator=(owned_fd&&) = delete;
    ~owned_fd()
    {
        if (fd >= 0)
            ::close(fd);
    }
    int fd;
};

} // namespace

class server::impl {
public:
    impl(listener l, application app, const server_options& options)
        : limits_(options.limits), listener_(std::move(l)), filter_(options.web_server_addresses)
    {
        const unsigned threads = std::max(1u, options.threads);
        auto share = limits_;
        share.pool_bytes = std::max(limits_.pool_bytes / threads, limits_.block_size);
        service_facts facts;
        facts.transport = "fastcgi";
        facts.multithread = threads > 1;
        facts.multiprocess = options.multiprocess;
        for (unsigned i = 0; i < threads; ++i) {
            auto& one = loops_.emplace_back(std::make_unique<loop>(app, share, options.normalize, facts));
            one->resources().all_statistics = [this] { return stats(); };
            one->on_closed = [this] { connection_closed(); };
        }
        accept_timer_.emplace(loops_[0]->context());
        // A duplicate: the descriptor object closes what it holds, and the listener restores flags on its own.
        acceptor_.emplace(loops_[0]->context(), ::fcntl(listener_.fd(), F_DUPFD_CLOEXEC, 3));
    }

    ~impl()
    {
        // Connections that are open still close now, and one loop's must not wake another that has gone.
        for (auto& l : loops_)
            l->on_closed = nullptr;
    }

    void run()
    {
        log::info("serving FastCGI on {}", listener_.address());
        boost::asio::post(loops_[0]->context(), [this] { wait_for_connections(); });
        std::vector<std::thread> threads;
        others_ = loops_.size() - 1;
        for (std::size_t i = 1; i < loops_.size(); ++i)
            threads.emplace_back([this, l = loops_[i].get()] {
                l->run();
                --others_;
                boost::asio::post(loops_[0]->context(), [] {}); // wakes it to look at `others_`
            });
        loops_[0]->run();
        // Drained before the others it goes on without connections: signals come to its context.
        auto& context = loops_[0]->context();
        const auto work = boost::asio::make_work_guard(context);
        while (others_ > 0 && !stopped_)
            if (context.run_one() == 0)
                context.restart(); // the end of its own drain stopped it; the others' wake it
        for (auto& t : threads)
            t.join();
    }

    void drain()
    {
        boost::asio::post(loops_[0]->context(), [this] {
            accepting_ = false;
            acceptor_.reset();
            accept_timer_->cancel();
            // Who waits in the queue has connected, and sent a request: a close would answer with a reset.
            for (int i = 0; i < accepts_at_drain && accept_one(); ++i) {
            }
            listener_.close(); // whoever comes now is refused, and may ask another process
            // Behind the connections that were handed to them.
            for (auto& l : loops_)
                boost::asio::post(l->context(), [p = l.get()] { p->drain(); });
        });
    }

    void stop()
    {
        stopped_ = true;
        for (auto& l : loops_)
            l->context().stop();
    }

    executor get_executor() { return loops_[0]->context().get_executor(); }

    statistics stats() const
    {
        statistics s;
        for (const auto& l : loops_)
            l->resources().add_to(s);
        return s;
    }

private:
    std::size_t connections() const noexcept
    {
        std::size_t n = 0;
        for (const auto& l : loops_)
            n += l->connections();
        return n;
    }

    void wait_for_connections()
    {
        if (!accepting_ || waiting_)
            return;
        waiting_ = true;
        acceptor_->async_wait(boost::asio::posix::descriptor_base::wait_read, [this](const error_code& ec) {
            waiting_ = false;
            if (!ec)
                accept();
        });
    }

    void accept()
    {
        for (int i = 0; i < accepts_a_turn && accepting_; ++i) {
            // Over the limit the rest waits in the kernel's queue, and the web server sees it full.
            if (connections() >= limits_.connections) {
                full_.store(true);
                if (connections() >= limits_.connections)
                    return;
                full_.store(false);
            }
            if (accept_one())
                continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                break;
            log::error("cannot accept a connection: {}", std::strerror(errno));
            accept_timer_->expires_after(accept_pause);
            accept_timer_->async_wait([this](const error_code& ec) {
                if (!ec)
                    wait_for_connections();
            });
            return;
        }
        wait_for_connections();
    }

    // False, and errno, when there was none to be had.
    bool accept_one()
    {
        sockaddr_storage peer;
        const int fd = listener_.accept(filter_.everybody() ? nullptr : &peer);
        if (fd < 0)
            return false;
        if (!filter_.everybody() && !filter_.allows(peer)) {
            log::warning("a connection refused: its peer is not in FCGI_WEB_SERVER_ADDRS");
            ::close(fd);
            return true;
        }
        loop& l = *loops_[next_++ % loops_.size()];
        if (&l == loops_[0].get())
            l.adopt(fd);
        else
            boost::asio::post(l.context(),
                              [&l, own = owned_fd(fd)]() mutable { l.adopt(std::exchange(own.fd, -1)); });
        return true;
    }

    void connection_closed()
    {
        if (full_.exchange(false))
            boost::asio::post(loops_[0]->context(), [this] { wait_for_connections(); });
    }

    sluice::limits limits_;
    listener listener_;
    connection_filter filter_;
    std::vector<std::unique_ptr<loop>> loops_;
    std::optional<boost::asio::posix::stream_descriptor> acceptor_;
    std::optional<boost::asio::steady_timer> accept_timer_;
    std::size_t next_ = 0;
    bool accepting_ = true;
    bool waiting_ = false;
    std::atomic<bool> full_{false}, stopped_{false};
    std::atomic<std::size_t> others_{0}; ///< loops beside the first that still run
};

server::server(listener l, application app, const server_options& options)
    : impl_(std::make_unique<impl>(std::move(l), std::move(app), options))
{}

server::~server() = default;

executor server::get_executor() const
{
    return impl_->get_executor();
}

void server::run()
{
    impl_->run();
}

void server::drain()
{
    impl_->drain();
}

void server::stop()
{
    impl_->stop();
}

statistics server::stats() const
{
    return impl_->stats();
}

} // namespace sluice::fcgi
