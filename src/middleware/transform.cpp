// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/transform.hpp>

#include <sluice/detail/text.hpp>
#include <sluice/middleware/around.hpp>
#include <sluice/middleware/filter.hpp>

#include "transform_sink.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace sluice::middleware {

namespace {

class transform_port final : public filter_port {
public:
    transform_port(response_port_ptr next, request& req, const choose_transform& choose)
        : filter_port(std::move(next)), request_(req), choose_(choose), is_head_(req.env().method() == "HEAD")
    {}

    sink_ptr start(error_code& ec, std::string& why) override
    {
        const auto length = text::parse_number(head().headers.get("Content-Length"));
        auto chosen = choose();
        auto s = filter_port::start(ec, why);
        if (ec || !chosen || is_head_)
            return s;
        sink_ = new_sink(std::move(s), std::move(chosen), length);
        if (app_returned_)
            sink_->app_returned(true);
        return sink_;
    }

    void send(std::string body, error_code& ec, std::string& why) override
    {
        const auto given = head().headers.get("Content-Length");
        const auto size = std::to_string(body.size());
        const bool refused = !given.empty() && given != size && !is_head_;
        if (refused || !status_allows_body(head().status))
            return filter_port::send(std::move(body), ec, why); // it says what is wrong
        head().headers.set("Content-Length", given.empty() ? size : std::string(given));
        auto chosen = choose();
        if (!chosen)
            return filter_port::send(std::move(body), ec, why);
        const bool known =
            !body.empty() || given.empty() || given == size; // to HEAD it may be announced and not there
        if (known && body.size() <= turn_input)
            return filter_port::send(transformed(*chosen, std::move(body)), ec, why);
        auto s = filter_port::start(ec, why);
        if (ec)
            return;
        if (!is_head_)
            return write_whole(new_sink(std::move(s), std::move(chosen), std::nullopt), std::move(body));
        s->finish(ec);
        s->writer_dropped();
    }

    void app_returned(bool well)
    {
        app_returned_ = true;
        if (sink_)
            sink_->app_returned(well);
    }

private:
    std::unique_ptr<transform> choose()
    {
        if (!status_allows_body(head().status))
            return nullptr;
        auto chosen = choose_(request_, head());
        if (chosen) {
            for (const char* const name : {"Content-Length", "Content-MD5", "Content-Digest", "Digest",
                                           "Repr-Digest", "Accept-Ranges"})
                head().headers.erase(name);
        }
        return chosen;
    }

    static std::string transformed(transform& t, std::string body)
    {
        std::string result;
        std::byte room[transform::buffer_size];
        auto rest = std::as_bytes(std::span(body.data(), body.size()));
        for (transform::step step; !step.done; rest = rest.subspan(step.taken)) {
            step = t.run(rest, room, transform::goal::finish);
            if (step.taken == 0 && step.made == 0 && !step.done)
                throw std::logic_error("sluice::middleware::transform::run does nothing and is not done");
            result.append(reinterpret_cast<const char*>(room), step.made);
        }
        return result;
    }

    boost::intrusive_ptr<transform_sink> new_sink(sink_ptr next, std::unique_ptr<transform> chosen,
                                                  std::optional<std::uint64_t> length)
    {
        boost::intrusive_ptr<transform_sink> s(
            new transform_sink(std::move(next), std::move(chosen), length, request_.id()));
        // An app that is not writing would keep it until it looks: what it costs goes with the client.
        request_.on_end([s] { s->release(); });
        return s;
    }

    request& request_;
    const choose_transform& choose_;
    bool is_head_, app_returned_ = false;
    boost::intrusive_ptr<transform_sink> sink_;
};

/// Tells the port when the app is over. Its return may make output; its failure, or the end of the loop, must not.
struct running_app {
    boost::intrusive_ptr<transform_port> port;

    ~running_app() { port->app_returned(false); }
};

} // namespace

application transform_response(application inner, choose_transform choose)
{
    return around(
        std::move(inner),
        [choose = std::move(choose)](request& req, responder respond, const application& app) -> task<void> {
            const running_app run{new transform_port(respond.release(), req, choose)};
            co_await app(req, responder(run.port));
            run.port->app_returned(true);
        });
}

} // namespace sluice::middleware
