// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "fcgi/client_events.hpp"

#include "support/catch.hpp"

namespace sluice::test {

std::string stdout_data(id_type id, std::string_view text, std::size_t piece, std::size_t padding)
{
    return records(6, id, text, piece, padding);
}

std::string stdout_end(id_type id)
{
    return record(6, id, {});
}

std::string stderr_data(id_type id, std::string_view text)
{
    return records(7, id, text, 65535);
}

std::string stderr_end(id_type id)
{
    return record(7, id, {});
}

std::string end_request(id_type id, std::uint32_t app_status, unsigned protocol_status)
{
    std::string body;
    for (int shift = 24; shift >= 0; shift -= 8)
        body += static_cast<char>(app_status >> shift & 0xff);
    body += static_cast<char>(protocol_status);
    return record(3, id, body + std::string(3, '\0'));
}

std::string unknown_type(unsigned type)
{
    return record(11, 0, static_cast<char>(type) + std::string(7, '\0'));
}

bool client_reader::take(std::string_view text)
{
    // A copy of its own: a sanitizer sees what is read past it.
    const auto from = std::as_bytes(std::span(text.data(), text.size()));
    const std::vector<std::byte> copy(from.begin(), from.end());
    std::span<const std::byte> bytes(copy);
    fcgi::client_event e;
    while (!fault) {
        switch (session_.next(bytes, e, fault)) {
        case fcgi::client_session::result::need_more: CHECK(bytes.empty()); return true;
        case fcgi::client_session::result::failed: CHECK(fault); return false;
        case fcgi::client_session::result::have_event: break;
        }
        auto& a = answers[e.id];
        const std::string content(reinterpret_cast<const char*>(e.content.data()), e.content.size());
        using kind = fcgi::client_event::kind;
        switch (e.what) {
        case kind::out:
            CHECK_FALSE(content.empty());
            a.out += content;
            break;
        case kind::errors:
            CHECK_FALSE(content.empty());
            a.errors += content;
            break;
        case kind::ended:
            ++a.ends;
            a.app_status = e.app_status;
            a.protocol_status = e.protocol_status;
            a.out_ended = e.out_ended;
            ended.push_back(e.id);
            break;
        case kind::values: ++values; break;
        case kind::unknown_type: ++unknown_types; break;
        }
    }
    return false;
}

bool client_reader::take(const pieces& all)
{
    for (const auto piece : all)
        if (!take(piece))
            return false;
    return true;
}

fcgi::client_request a_request(bool keep, fcgi::role role)
{
    fcgi::client_request r;
    r.keep = keep;
    r.role = role;
    for (const auto& [name, value] : variables())
        r.params.add(name, value);
    return r;
}

std::string all_output(fcgi::client_session& s)
{
    std::string all;
    for (auto bytes = s.output(); !bytes.empty(); bytes = s.output()) {
        all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        s.sent(bytes.size());
    }
    return all;
}

} // namespace sluice::test
