// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/ref_counted.hpp>
#include <sluice/response.hpp>
#include <sluice/writer.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

/// What a responder answers through: a transport's exchange, or a middleware around another port.
class response_port : public virtual detail::ref_counted {
public:
    /// An empty head to fill before `start` or `send`; the same object each time, so that its memory is reused.
    virtual response_head& head() = 0;

    /// Sends the head as it is now in `head()`; gives the sink for the body. On an error nothing is sent, and
    /// `why` says in one line what was wrong.
    virtual sink_ptr start(error_code& ec, std::string& why) = 0;

    /// Sends the head and a whole body, and finishes.
    virtual void send(std::string body, error_code& ec, std::string& why) = 0;

    /// The responder was destroyed. Without a call before it, the client is owed a 500.
    virtual void responder_dropped() = 0;
};

using response_port_ptr = boost::intrusive_ptr<response_port>;

/// Answers a request: called once, with a complete response, or with status and headers for a writer.
///
/// It may be called long after the app has returned, as long as it is kept. Dropped without a call it
/// answers 500.
///
/// Errors, thrown as `system_error`: `already_responded` on a second call, which leaves the first response whole;
/// `bad_status`, `bad_header_name`, `bad_header_value`, `missing_content_type` with a text that names the culprit:
/// nothing was sent then, and the responder may be called again. That the client has gone is no
/// error here: the writer's calls will say so.
///
/// Thread safety: none; use it on the request's executor. `remote_responder` is one for other threads.
class responder {
public:
    explicit responder(response_port_ptr port) noexcept : port_(std::move(port)) {}
    responder(responder&&) noexcept = default;
    responder& operator=(responder&& other) noexcept
    {
        if (this != &other) {
            drop();
            port_ = std::move(other.port_);
        }
        return *this;
    }
    ~responder() { drop(); }

    /// Sends status and headers; the body follows through the writer.
    writer start(int status, std::initializer_list<field> headers = {});
    writer start(response_head head);

    /// Sends a complete response. Content-Length is computed when the headers have none. A body that is no string is read as
    /// the client makes room, after this has returned.
    void send(int status, std::initializer_list<field> headers, response_body body);
    void send(response r);

    /// For middleware: gives up what it answers through, so that another port can be put around it. Nothing may be called
    /// on the responder then.
    response_port_ptr release() noexcept { return std::exchange(port_, nullptr); }

private:
    writer started();
    void sent(response_body body);
    void stream(std::unique_ptr<body_source> source, error_code& ec, std::string& why);
    void drop() noexcept
    {
        if (port_)
            std::exchange(port_, nullptr)->responder_dropped();
    }

    response_port_ptr port_;
};

} // namespace sluice
