// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/access_log.hpp>

#include <sluice/middleware/around.hpp>

#include <fmt/core.h>
#include <spdlog/logger.h>

#include <array>
#include <ctime>
#include <mutex>
#include <ostream>
#include <utility>

namespace sluice::middleware {

namespace {

/// As Apache's ap_escape_logitem in the C locale.
void append_escaped(std::string& to, std::string_view field, std::size_t most)
{
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::string_view short_forms = "btnvfr"; // of 8 to 13
    for (const char c : field.substr(0, most)) {
        const auto u = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            to += '\\';
            to += c;
        } else if (u >= 8 && u <= 13 && c != '\f') {
            to += '\\';
            to += short_forms[u - 8U];
        } else if (u < ' ' || u > '~') {
            to += "\\x";
            to += digits[u >> 4];
            to += digits[u & 15];
        } else {
            to += c;
        }
    }
}

/// A field outside of quotes must not have a space in it either, which would make two of it.
void append_word(std::string& to, std::string_view field, std::size_t most)
{
    if (field.empty()) {
        to += '-';
        return;
    }
    const auto begun = to.size();
    append_escaped(to, field, most);
    for (auto at = to.find(' ', begun); at != to.npos; at = to.find(' ', at))
        to.replace(at, 1, "\\x20");
}

void append_quoted(std::string& to, std::string_view field, std::size_t most)
{
    to += " \"";
    if (field.empty())
        to += '-';
    append_escaped(to, field, most);
    to += '"';
}

/// [10/Oct/2000:13:55:36 -0700]
void append_time(std::string& to, std::chrono::system_clock::time_point when)
{
    static constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
    std::tm t{};
    ::localtime_r(&seconds, &t);
    const long minutes = (t.tm_gmtoff < 0 ? -t.tm_gmtoff : t.tm_gmtoff) / 60;
    to += fmt::format("[{:02}/{}/{:04}:{:02}:{:02}:{:02} {}{:02}{:02}]", t.tm_mday,
                      months[static_cast<std::size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour, t.tm_min,
                      t.tm_sec, t.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

/// What the request says; the app may change its environment.
struct entry {
    std::string line;
    std::string end; ///< what comes behind the answer's fields

    entry(const request& req, const access_log_options& o)
    {
        const environment& env = req.env();
        append_word(line, env.get("REMOTE_ADDR"), o.field_size);
        line += " - ";
        append_word(line, env.get("REMOTE_USER"), o.field_size);
        line += ' ';
        append_time(line, o.now());
        std::string first(env.method());
        first.append(" ").append(env.request_uri()).append(" ").append(env.get("SERVER_PROTOCOL"));
        append_quoted(line, first, o.field_size);
        if (o.format == access_log_options::line_format::combined) {
            append_quoted(end, env.header("Referer"), o.field_size);
            append_quoted(end, env.header("User-Agent"), o.field_size);
        }
    }

    std::string complete(const sent_response& sent, const access_log_options& o)
    {
        line += fmt::format(" {} ", sent.status);
        line += sent.body_bytes == 0 ? "-" : std::to_string(sent.body_bytes);
        line += end;
        if (sent.error)
            line += o.aborted_mark;
        return std::move(line);
    }
};

} // namespace

line_writer lines_to(std::ostream& out)
{
    return [&out, mutex = std::make_shared<std::mutex>()](std::string_view line) {
        const std::lock_guard lock(*mutex);
        out.write(line.data(), static_cast<std::streamsize>(line.size())).put('\n').flush();
    };
}

line_writer lines_to(std::shared_ptr<spdlog::logger> logger)
{
    return [logger = std::move(logger)](std::string_view line) {
        logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
    };
}

application access_log(application inner, line_writer write, access_log_options options)
{
    struct settings {
        line_writer write;
        access_log_options options;
    };
    const auto s = std::make_shared<const settings>(settings{std::move(write), std::move(options)});
    return around(std::move(inner), [s](request& req, responder respond, const application& app) {
        req.on_end([s, &req, e = std::make_unique<entry>(req, s->options)] {
            s->write(e->complete(req.sent(), s->options));
        });
        return app(req, std::move(respond));
    });
}

} // namespace sluice::middleware
