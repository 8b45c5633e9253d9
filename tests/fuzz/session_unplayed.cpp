// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The apps of the session's fuzzer that the script does not play: it says only how they behave.
#include "fuzz/session_world.hpp"

#include <stdexcept>

namespace sluice::fuzz {

// Responders and filters

sluice::task<void> session_world::run_app(request& r, responder respond)
{
    const unsigned number = begin_run(r);
    auto peer = model_.app_starts(r.role(), r.env());
    const unsigned mode = script_.byte() % 16u;
    if (mode > 5)
        apps.emplace_back(r, std::move(respond), number, model_.apps[number], std::move(peer));
    else
        co_await run_unplayed(mode, r, std::move(respond), number, std::move(peer));
}

unsigned session_world::begin_run(const request& r)
{
    model_.apps.emplace_back();
    model_.apps.back().role = r.role();
    return static_cast<unsigned>(model_.apps.size() - 1);
}

sluice::task<void> session_world::read_all(request_body from, stream_reader& reader, std::size_t piece)
{
    std::string buffer(piece, '\0');
    std::size_t n = 0;
    do {
        n = co_await from.read(boost::asio::buffer(buffer));
        reader.got(std::string_view(buffer).substr(0, n), piece);
    } while (n > 0);
}

sluice::task<void> session_world::run_unplayed(unsigned mode, request& r, responder respond, unsigned number,
                                               peer_request_ptr peer)
{
    app_run& run = model_.apps[number];
    const std::size_t size = script_.byte() * std::size_t{300}, piece = 1 + size / 16;
    if (mode == 0)
        throw std::runtime_error("the app fails");
    const auto name = std::to_string(number);
    const bool is_filter = r.role() == role::filter;
    run.without_body = r.env().method() == "HEAD";
    stream_reader body(peer, false), data(peer, true);
    if (mode == 1) { // reads all, then answers
        co_await read_all(r.body(), body, piece);
        if (is_filter)
            co_await read_all(r.data(), data, piece);
        std::string text;
        append_pattern(number, 0, size, text);
        run.accepted = size;
        run.meant_well = true;
        respond.send(200, {{"Content-Type", "text/plain"}, {"X-App", name}}, std::move(text));
        co_return;
    }
    auto out = respond.start(200, {{"Content-Type", "text/plain"}, {"X-App", name}});
    struct note {
        app_run& to;
        writer& of;
        ~note() { to.accepted = of.accepted(); }
    };
    const note at_end{run, out};
    std::string bytes;
    if (mode == 2) { // writes as much as it reads; a filter, of its data only
        std::string buffer(piece, '\0');
        std::size_t got = 0;
        for (auto from = is_filter ? r.data() : r.body();;) {
            const auto n = co_await from.read(boost::asio::buffer(buffer));
            (is_filter ? data : body).got(std::string_view(buffer).substr(0, n), piece);
            if (n == 0)
                break;
            bytes.clear();
            append_pattern(number, got, n, bytes);
            got += n;
            run.accepted = got; // at most
            co_await out.write(bytes);
        }
    } else {
        append_pattern(number, 0, size, bytes);
        run.accepted = size; // at most
        co_await out.write(std::string_view(bytes));
        if (mode == 3)
            throw std::runtime_error("the app fails in mid-body");
        if (mode == 4)
            co_await out.flush();
    }
    run.meant_well = true;
    if (mode == 5) {
        co_await out.finish();
        run.told_well = true;
    }
}

// Authorizers

sluice::task<authorization> session_world::decide_later(request& r)
{
    const unsigned number = begin_run(r);
    const auto peer = model_.app_starts(r.role(), r.env());
    const unsigned mode = script_.byte();
    if ((mode & 8) != 0) { // has no body, whatever was announced or sent
        stream_reader body(peer, false);
        co_await read_all(r.body(), body, 1 + mode);
    }
    co_return decide(mode % 8, r, model_.apps[number], number);
}

authorization session_world::decide_now(request& r)
{
    const unsigned number = begin_run(r);
    model_.app_starts(r.role(), r.env());
    return decide(script_.byte() % 8u, r, model_.apps[number], number);
}

authorization session_world::decide(unsigned mode, const request& r, app_run& run, unsigned number)
{
    const auto name = std::to_string(number);
    if (mode == 0)
        throw std::runtime_error("the app fails");
    if (mode == 1)
        return authorization::allow({{"X-App", name + "\r\nX: y"}}); // R25: a 500 comes of it
    run.meant_well = true;
    run.without_body = r.env().method() == "HEAD" || mode == 2;
    if (mode > 4)
        return authorization::allow({{"X-App", name}, {"REMOTE_USER", "somebody"}});
    run.accepted = script_.byte() * std::size_t{200};
    std::string text;
    append_pattern(number, 0, run.accepted, text);
    constexpr int not_modified = 304, forbidden = 403;
    return authorization::deny(mode == 2 ? not_modified : forbidden, {{"X-App", name}}, std::move(text));
}

} // namespace sluice::fuzz
