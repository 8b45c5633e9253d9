// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/shapes.hpp"

#include <sluice/blocking.hpp>
#include <sluice/remote_responder.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <istream>
#include <iterator>
#include <optional>
#include <ostream>
#include <stdexcept>

namespace sluice::test {

response_head plan::head() const
{
    response_head h;
    h.status = status;
    for (const auto& [name, value] : headers)
        h.headers.add(name, value);
    return h;
}

response plan::whole() const
{
    throw_if(end::throws_before_head);
    auto h = head();
    return {h.status, std::move(h.headers), body, {}};
}

void plan::throw_if(end e) const
{
    if (how == e)
        throw std::runtime_error("planned");
}

void plan::write_body(std::ostream& out) const
{
    do {
        for (std::string_view rest = body; !rest.empty() && out;
             rest.remove_prefix(std::min(piece, rest.size()))) {
            out << rest.substr(0, piece);
            if (flush)
                out.flush();
        }
    } while (endless && out);
}

namespace {

/// Streams by callbacks; lives as long as one is to come.
class callbacks : public std::enable_shared_from_this<callbacks> {
public:
    callbacks(plan p, writer out, bool wait_first)
        : plan_(std::move(p)), out_(std::move(out)), wait_first_(wait_first)
    {}

    void go_on()
    {
        if (at_ == plan_.body.size() && plan_.endless)
            at_ = 0;
        if (at_ == plan_.body.size()) {
            // From a completion handler, where an exception is the request's.
            return out_.async_flush([self = shared_from_this()](error_code ec) {
                if (ec)
                    return;
                self->plan_.throw_if(plan::end::throws_after_body);
                self->out_.async_finish([self](error_code) {});
            });
        }
        const auto now =
            boost::asio::buffer(plan_.body.data() + at_, std::min(plan_.piece, plan_.body.size() - at_));
        if (wait_first_)
            return out_.async_wait_writable([self = shared_from_this(), now](error_code ec) {
                self->written(ec, ec ? 0 : self->out_.try_write(now));
            });
        out_.async_write(now,
                         [self = shared_from_this()](error_code ec, std::size_t n) { self->written(ec, n); });
    }

private:
    void written(error_code ec, std::size_t n)
    {
        at_ += n;
        if (ec) // the last callback: the writer goes, which fails the response
            return;
        if (!plan_.flush)
            return go_on();
        out_.async_flush([self = shared_from_this()](error_code flush_ec) {
            if (!flush_ec)
                self->go_on();
        });
    }

    plan plan_;
    writer out_;
    bool wait_first_;
    std::size_t at_ = 0;
};

/// Calls `then` with the plan, once the request's body is in it if the plan wants that.
void with_body(plan p, request& req, responder respond, std::function<void(const plan&, responder)> then)
{
    if (!p.echoes)
        return then(p, std::move(respond));
    struct reading {
        plan p;
        request& req;
        responder respond;
        std::function<void(const plan&, responder)> then;

        static void go_on(std::unique_ptr<reading> r)
        {
            auto body = r->req.body();
            body.async_read_block([r = std::move(r)](error_code ec, boost::asio::const_buffer piece) mutable {
                if (ec)
                    throw system_error(ec);
                if (piece.size() == 0)
                    return r->then(r->p, std::move(r->respond));
                r->p.body.append(static_cast<const char*>(piece.data()), piece.size());
                r->req.body().consume(piece.size());
                go_on(std::move(r));
            });
        }
    };
    p.body.clear();
    reading::go_on(std::unique_ptr<reading>(new reading{
        std::move(p), req, std::move(respond), std::move(then)})); // clang 14 has no make_unique of these
}

task<std::string> body_of(request& req)
{
    std::string all, piece(7'000, '\0');
    while (const auto n = co_await req.body().read(boost::asio::buffer(piece)))
        all.append(piece, 0, n);
    co_return all;
}

void stream_by_callbacks(const plan& p, responder respond, bool wait_first)
{
    p.throw_if(plan::end::throws_before_head);
    std::make_shared<callbacks>(p, respond.start(p.head()), wait_first)->go_on();
}

task<void> stream(const plan& planned, request& req, responder respond)
{
    plan p = planned;
    if (p.echoes)
        p.body = co_await body_of(req);
    p.throw_if(plan::end::throws_before_head);
    auto out = respond.start(p.head());
    do {
        for (std::string_view rest = p.body; !rest.empty();
             rest.remove_prefix(std::min(p.piece, rest.size()))) {
            co_await out.write(rest.substr(0, p.piece));
            if (p.flush)
                co_await out.flush();
        }
    } while (p.endless);
    p.throw_if(plan::end::throws_after_body);
}

void stream_blocking(plan p, blocking_request& r)
{
    if (p.echoes)
        p.body.assign(std::istreambuf_iterator<char>(r.in()), {});
    p.throw_if(plan::end::throws_before_head);
    auto& out = r.start(p.head());
    p.write_body(out);
    p.throw_if(plan::end::throws_after_body);
}

/// Apps that give `then` a remote_responder on a thread of their own.
template <class F>
application on_a_thread(const plan& planned, F then)
{
    return [planned, then, pool = std::make_shared<boost::asio::thread_pool>(1)](request& req,
                                                                                 responder respond) {
        with_body(planned, req, std::move(respond), [&req, then, pool](const plan& p, responder r) {
            boost::asio::post(*pool, [p, then, answer = remote_responder(req, std::move(r))]() mutable {
                then(p, std::move(answer));
            });
        });
    };
}

class host_client final : public shape_client {
public:
    explicit host_client(const application& app) : loop_(app), host_(loop_) {}

    void ask(const question& q) override
    {
        host_.stall();
        host_.request(q.method, {{"CONTENT_LENGTH", q.length()}}, q.announced > 0);
        host_.feed_all(q.body);
    }
    void read(std::size_t n) override { host_.take(n); }
    void leave() override { host_.leave(); }
    bool ended() override { return host_.ended(); }
    bool ended_well() override { return host_.ended_well(); }
    int status() override { return host_.status(); }
    std::string head() override { return host_.head(); }
    std::string body() override { return host_.body(); }
    fake_loop& loop() override { return loop_; }

private:
    fake_loop loop_;
    fake_host host_;
};

} // namespace

std::unique_ptr<shape_client> make_host_client(const application& app)
{
    return std::make_unique<host_client>(app);
}

std::vector<shape> core_shapes()
{
    return {
        {"immediate", false, false, [](const plan& p) { return [p](request&) { return p.whole(); }; }},
        {"coroutine, whole", false, true,
         [](const plan& p) {
             return [p](request& req, responder respond) -> task<void> {
                 plan own = p;
                 if (own.echoes)
                     own.body = co_await body_of(req);
                 respond.send(own.whole());
             };
         }},
        {"coroutine, streaming", true, true,
         [](const plan& p) {
             return [p](request& req, responder respond) { return stream(p, req, std::move(respond)); };
         }},
        {"delayed, whole", false, true,
         [](const plan& planned) {
             return [planned](request& req, responder respond) {
                 with_body(planned, req, std::move(respond), [&req](const plan& p, responder to) {
                     p.throw_if(plan::end::throws_before_head);
                     // Through the request's own way, where an exception is the request's.
                     remote_responder(req, std::move(to)).post([p](responder r) { r.send(p.whole()); });
                 });
             };
         }},
        {"delayed, whole, from a thread", false, true,
         [](const plan& p) {
             return on_a_thread(p, [](const plan& own, remote_responder answer) {
                 if (own.how == plan::end::throws_before_head)
                     answer.post([own](responder) { own.throw_if(plan::end::throws_before_head); });
                 else
                     answer.send(own.whole());
             });
         }},
        {"delayed, streaming, from a thread", true, true,
         [](const plan& p) {
             return on_a_thread(p, [](const plan& own, remote_responder answer) {
                 answer.post([own](responder r) { stream_by_callbacks(own, std::move(r), false); });
             });
         }},
        {"callbacks of async_write", true, true,
         [](const plan& planned) {
             return [planned](request& req, responder respond) {
                 with_body(planned, req, std::move(respond),
                           [](const plan& p, responder r) { stream_by_callbacks(p, std::move(r), false); });
             };
         }},
        {"callbacks of async_wait_writable", true, true,
         [](const plan& planned) {
             return [planned](request& req, responder respond) {
                 with_body(planned, req, std::move(respond),
                           [](const plan& p, responder r) { stream_by_callbacks(p, std::move(r), true); });
             };
         }},
        {"blocking", true, true,
         [](const plan& p) { return blocking([p](blocking_request& r) { stream_blocking(p, r); }); }},
    };
}

} // namespace sluice::test
