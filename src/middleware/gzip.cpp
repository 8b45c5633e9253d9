// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/gzip.hpp>

#include <sluice/detail/preferences.hpp>
#include <sluice/detail/text.hpp>
#include <sluice/middleware/around.hpp>
#include <sluice/middleware/filter.hpp>
#include <sluice/middleware/transform.hpp>

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace sluice::middleware {

namespace {

class deflater final : public transform {
public:
    explicit deflater(const gzip_options& o)
    {
        constexpr int gzip_format = 16;
        if (::deflateInit2(&stream_, o.level, Z_DEFLATED, o.window_bits + gzip_format, o.memory_level,
                           Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc(); // the options were looked at before
    }
    ~deflater() override { ::deflateEnd(&stream_); }
    deflater(const deflater&) = delete;
    deflater& operator=(const deflater&) = delete;

    step run(std::span<const std::byte> in, std::span<std::byte> out, goal g) override
    {
        // zlib's lengths have 32 bits.
        in = in.first(std::min<std::size_t>(in.size(), std::size_t{1} << 30));
        // zlib takes a pointer to what it will not change.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
        stream_.avail_in = static_cast<uInt>(in.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        const int result = ::deflate(&stream_, flush_mode(g));
        if (result == Z_STREAM_ERROR)
            throw std::logic_error("sluice::middleware::gzip: zlib found its state in disorder");
        step s{in.size() - stream_.avail_in, out.size() - stream_.avail_out, false};
        s.done = g == goal::finish ? result == Z_STREAM_END : stream_.avail_in == 0 && stream_.avail_out > 0;
        return s;
    }

private:
    static int flush_mode(goal g) noexcept
    {
        switch (g) {
        case goal::take: return Z_NO_FLUSH;
        case goal::flush: return Z_SYNC_FLUSH;
        case goal::finish: break;
        }
        return Z_FINISH;
    }

    z_stream stream_{};
};

/// Whether one of a field's elements, which are separated by commas, is `token`, with or without an argument.
bool has_token(const header_list& headers, std::string_view name, std::string_view token)
{
    for (std::size_t i = headers.find(name); i < headers.size(); i = headers.find(name, i + 1)) {
        if (detail::weight_of(headers[i].value, token))
            return true;
    }
    return false;
}

bool has_type(const gzip_options& o, std::string_view content_type)
{
    const auto type = content_type.substr(0, content_type.find_first_of("; \t"));
    return std::any_of(o.types.begin(), o.types.end(), [&](const std::string& t) {
        return t.ends_with('/') ? text::equal_nocase(type.substr(0, t.size()), t)
                                : text::equal_nocase(type, t);
    });
}

/// Whether the answer is of a kind that a client would get compressed if it liked, were it large enough.
bool is_compressible(const gzip_options& o, const response_head& head)
{
    const auto& h = head.headers;
    return head.status != 206 && !h.contains("Content-Range") && !h.contains("Content-Encoding") &&
           !h.contains("X-Sendfile") && !h.contains("X-Accel-Redirect") && // the body is the server's
           !has_token(h, "Cache-Control", "no-transform") && has_type(o, h.get("Content-Type"));
}

bool is_known_to_be_small(const gzip_options& o, const response_head& head)
{
    const auto length = text::parse_number(head.headers.get("Content-Length"));
    return length && *length < o.least_size;
}

void add_vary(response_head& head)
{
    if (!has_token(head.headers, "Vary", "Accept-Encoding") && !has_token(head.headers, "Vary", "*"))
        head.headers.add("Vary", "Accept-Encoding");
}

void weaken_etag(response_head& head)
{
    const std::string tag(head.headers.get("ETag"));
    if (tag.starts_with('"'))
        head.headers.set("ETag", "W/" + tag);
}

void check(const gzip_options& o)
{
    const auto bound = [](const char* name, int value, int least, int most) {
        if (value < least || value > most)
            throw std::invalid_argument(fmt::format(
                "sluice::middleware::gzip: {} is {}, and has to be {} to {}", name, value, least, most));
    };
    bound("level", o.level, 1, 9);
    bound("window_bits", o.window_bits, 9, 15);
    bound("memory_level", o.memory_level, 1, 9);
}

} // namespace

application gzip(application inner, gzip_options options)
{
    check(options);
    const auto o = std::make_shared<const gzip_options>(std::move(options));
    const auto accepted = [](const request& req) {
        const auto list = req.env().header("Accept-Encoding");
        // The older name of the same (RFC 9110 section 8.4.1.3).
        return detail::prefers_coding(list, detail::weight_of(list, "gzip") ? "gzip" : "x-gzip");
    };
    // Also of answers that stay as they are, caches must know what others would have got.
    const auto vary = [o, accepted](request& req, responder respond, const application& app) {
        return app(req, change_head(std::move(respond), [o, accepted, &req](response_head& head) {
                       const bool revalidated = head.status == 304;
                       if (revalidated && accepted(req))
                           weaken_etag(head);
                       if (revalidated || is_compressible(*o, head))
                           add_vary(head);
                   }));
    };
    return transform_response(around(std::move(inner), vary),
                              [o, accepted](request& req, response_head& head) -> std::unique_ptr<transform> {
                                  if (!accepted(req) || !is_compressible(*o, head) ||
                                      is_known_to_be_small(*o, head))
                                      return nullptr;
                                  head.headers.add("Content-Encoding", "gzip");
                                  weaken_etag(head);
                                  return std::make_unique<deflater>(*o);
                              });
}

} // namespace sluice::middleware
