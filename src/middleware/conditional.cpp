// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/conditional.hpp>

#include <sluice/detail/http_validators.hpp>
#include <sluice/detail/preferences.hpp>
#include <sluice/middleware/around.hpp>
#include <sluice/middleware/filter.hpp>
#include <sluice/middleware/transform.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace sluice::middleware {

namespace {

constexpr std::string_view failed_text = "The precondition of this request does not hold.\n";

/// Takes one body and puts out another, short one.
class instead final : public transform {
public:
    explicit instead(std::string_view text) noexcept : text_(text) {}

    step run(std::span<const std::byte> in, std::span<std::byte> out, goal) override
    {
        const auto made = std::min(text_.size(), out.size());
        std::memcpy(out.data(), text_.data(), made);
        text_.remove_prefix(made);
        return {in.size(), made, text_.empty(), text_.empty()};
    }

private:
    std::string_view text_;
};

bool asks_for_it(std::string_view method) noexcept
{
    return method == "GET" || method == "HEAD";
}

void erase(response_head& head, std::initializer_list<const char*> names)
{
    for (const char* const name : names)
        head.headers.erase(name);
}

/// Looks at the preconditions; makes the head that of a 304 or 412 where they say so.
detail::precondition apply(const request& req, response_head& head)
{
    const auto result =
        detail::check_preconditions(req.env(), head.headers.get("ETag"), head.headers.get("Last-Modified"));
    if (result == detail::precondition::holds)
        return result;
    head.reason.clear();
    // What describes a body that is not sent: a cache would take it for that of the one it has (RFC 9110 section
    // 15.4.5).
    erase(head, {"Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Type",
                 "X-Accel-Redirect", "X-Sendfile"});
    if (result == detail::precondition::not_modified) {
        head.status = 304;
        if (head.headers.contains("ETag"))
            head.headers.erase("Last-Modified");
        return result;
    }
    head.status = 412;
    erase(head,
          {"Accept-Ranges", "Cache-Control", "Content-Disposition", "ETag", "Expires", "Last-Modified"});
    head.headers.add("Content-Type", "text/plain; charset=utf-8");
    return result;
}

/// What the client has already need not be sent, a part of it neither: a condition comes before a range (RFC 9110 section 13.2.2).
constexpr bool is_content(int status) noexcept
{
    return status == 200 || status == 206;
}

class hashing_port final : public filter_port {
public:
    hashing_port(response_port_ptr next, std::size_t most) : filter_port(std::move(next)), most_(most) {}

    void send(std::string body, error_code& ec, std::string& why) override
    {
        auto& h = head().headers;
        if (head().status == 200 && !body.empty() && body.size() <= most_ && !h.contains("ETag") &&
            !detail::weight_of(h.get("Cache-Control"), "no-store"))
            h.add("ETag", fmt::format("\"{:x}-{:016x}\"", body.size(), hash(body)));
        filter_port::send(std::move(body), ec, why);
    }

private:
    static std::uint64_t hash(std::string_view s) noexcept
    {
        std::uint64_t h = 0xcbf29ce484222325U;
        for (const char c : s)
            h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
        return h;
    }

    std::size_t most_;
};

} // namespace

application conditional(application inner, conditional_options options)
{
    const auto hashes = [options](request& req, responder respond, const application& app) {
        const auto method = req.env().method();
        if (options.hashed_body > 0 && asks_for_it(method))
            respond = responder(response_port_ptr(new hashing_port(respond.release(), options.hashed_body)));
        return app(req, std::move(respond));
    };
    return transform_response(around(std::move(inner), hashes),
                              [](request& req, response_head& head) -> std::unique_ptr<transform> {
                                  if (!is_content(head.status) || !asks_for_it(req.env().method()))
                                      return nullptr;
                                  if (apply(req, head) == detail::precondition::failed)
                                      return std::make_unique<instead>(failed_text);
                                  return nullptr;
                              });
}

application head_as_get(application inner)
{
    return around(std::move(inner), [](request& req, responder respond, const application& app) {
        if (req.env().method() == "HEAD")
            req.env().set("REQUEST_METHOD", "GET");
        return app(req, std::move(respond));
    });
}

} // namespace sluice::middleware
