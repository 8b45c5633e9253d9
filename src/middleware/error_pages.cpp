// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/error_pages.hpp>

#include <sluice/detail/app_failure.hpp>
#include <sluice/detail/preferences.hpp>
#include <sluice/log.hpp>
#include <sluice/middleware/around.hpp>
#include <sluice/middleware/filter.hpp>

#include <exception>
#include <string>
#include <utility>

namespace sluice::middleware {

namespace {

std::string escaped(std::string_view s)
{
    std::string result;
    for (const char c : s) {
        switch (c) {
        case '<': result += "&lt;"; break;
        case '>': result += "&gt;"; break;
        case '&': result += "&amp;"; break;
        default: result += c;
        }
    }
    return result;
}

void make_plain(const request& req, response& page)
{
    std::string text = std::to_string(page.status);
    if (const auto phrase = page.reason.empty() ? reason_phrase(page.status) : page.reason; !phrase.empty())
        text.append(" ").append(phrase);
    const bool html = detail::prefers_html(req.env().header("Accept"));
    page.headers.set("Content-Type", html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8");
    page.headers.add("Vary", "Accept");
    page.headers.erase("Content-Length");
    text = html ? escaped(text) : text;
    page.body = html ? "<!DOCTYPE html>\n<html lang=\"en\"><head><title>" + text +
                           "</title></head><body><h1>" + text + "</h1></body></html>\n"
                     : text + '\n';
}

void log_failure(const request& req, const char* what)
{
    log::error("#{} {} {}: {}", req.id(), req.env().method(), req.env().request_uri(), what);
}

class error_port final : public filter_port {
public:
    error_port(response_port_ptr next, request& req, const make_error_page& make)
        : filter_port(std::move(next)), request_(req), make_(make)
    {}

    void send(std::string body, error_code& ec, std::string& why) override
    {
        const auto length = head().headers.get("Content-Length");
        if (head().status >= 400 && body.empty() && (length.empty() || length == "0")) {
            response page;
            page.status = head().status;
            page.reason = std::move(head().reason);
            page.headers = std::move(head().headers);
            put(filled(std::move(page)), ec, why);
        } else {
            filter_port::send(std::move(body), ec, why);
        }
    }

    /// Answers for an app that cannot.
    void fail(int status)
    {
        error_code ec;
        std::string why;
        put(filled({status, {}, {}, {}}), ec, why);
        if (!ec)
            return;
        log_failure(request_, ("the error page cannot be sent: " + why).c_str());
        response page{status, {}, {}, {}};
        make_plain(request_, page);
        ec = {};
        put(std::move(page), ec, why);
    }

private:
    response filled(response page) const
    {
        make_plain(request_, page);
        if (!make_)
            return page;
        response plain{page.status, page.headers, page.body.text(), page.reason};
        try {
            make_(request_, page);
            if (!page.body.streams())
                return page;
            log_failure(request_, "the page of an error is to be a string: the plain one is sent");
        } catch (...) {
            sluice::detail::app_failure(std::current_exception()).log(request_.id(), request_.env(), false);
        }
        return plain;
    }

    void put(response page, error_code& ec, std::string& why)
    {
        head().status = page.status;
        head().reason = std::move(page.reason);
        head().headers = std::move(page.headers);
        filter_port::send(page.body.take_text(), ec, why);
    }

    request& request_;
    const make_error_page& make_;
};

} // namespace

application error_pages(application inner, make_error_page make)
{
    return around(
        std::move(inner), [make = std::move(make)](request& req, responder respond, const application& app) {
            const boost::intrusive_ptr<error_port> port(new error_port(respond.release(), req, make));
            req.on_failure([port](int status) { port->fail(status); });
            return app(req, responder(port));
        });
}

} // namespace sluice::middleware
