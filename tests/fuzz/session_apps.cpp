// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The apps of the session's fuzzer.
#include "fuzz/session_world.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <stdexcept>

namespace sluice::fuzz {

namespace {

constexpr int no_content = 204;

// True when a finish was not taken. One that was may still be told that the client has gone or the process ends, and its
// response be whole at the peer.
bool refused(const std::exception_ptr& failure)
{
    try {
        std::rethrow_exception(failure);
    } catch (const system_error& e) {
        return e.code() != make_error_code(errc::client_gone) &&
               e.code() != make_error_code(errc::shutting_down) &&
               e.code() != make_error_code(errc::write_stalled);
    }
}

std::string header_of(unsigned number)
{
    return std::to_string(number);
}

} // namespace

void check_body_piece(const peer_request& peer, std::size_t so_far, std::string_view bytes)
{
    const auto length = peer.env.content_length();
    must(!length || so_far + bytes.size() <= *length, "R19: no body behind its announced end");
    must(std::string_view(peer.body).substr(std::min(so_far, peer.body.size())).starts_with(bytes),
         "the body as the peer sent it");
}

void check_body_end(const peer_request& peer, std::size_t so_far)
{
    const auto length = peer.env.content_length();
    must(length ? so_far == *length : peer.body_ended && so_far == peer.body.size(),
         "R19: the end where it is");
}

played_app::played_app(request& r, responder respond, unsigned number, app_run& run, peer_request_ptr peer)
    : request_(r), respond_(std::move(respond)), number_(number), run_(run), peer_(std::move(peer))
{}

void played_app::refresh()
{
    if (out_)
        run_.accepted = out_->accepted();
}

void played_app::answer(std::size_t n)
{
    if (!respond_)
        return;
    std::string body;
    append_pattern(number_, 0, n, body);
    const bool first = !out_ && !run_.meant_well;
    const bool gone = request_.aborted(); // R35: then nobody says so, or a shutdown has answered
    if (first) {
        run_.accepted = n; // before it is: some goes out at once
        run_.meant_well = true;
        run_.without_body = request_.env().method() == "HEAD";
    }
    try {
        respond_->send(200, {{"Content-Type", "text/plain"}, {"X-App", header_of(number_)}}, std::move(body));
        must(first || gone, "R32: one response only");
    } catch (const system_error& e) {
        must((!first || gone) && e.code() == make_error_code(errc::already_responded),
             "R32: why a response is refused");
    }
}

void played_app::start(unsigned how, std::size_t n)
{
    if (!respond_)
        return;
    const bool first = !out_ && !run_.meant_well;
    const auto number = header_of(number_), length = std::to_string(n);
    const bool head = request_.env().method() == "HEAD", gone = request_.aborted();
    try {
        std::optional<writer> out;
        switch (how % 4) {
        case 0: out = respond_->start(200, {{"Content-Type", "text/plain"}, {"X-App", number}}); break;
        case 1:
            out = respond_->start(200,
                                  {{"Content-Type", "a/b"}, {"X-App", number}, {"Content-Length", length}});
            break;
        case 2: out = respond_->start(no_content, {{"X-App", number}}); break;
        default: out = respond_->start(200, {{"Content-Type", "a/b"}, {"X-App", number + "\r\nX: y"}});
        }
        must(gone || (first && how % 4 != 3), "R25, R32: one good response only");
        run_.without_body = head || how % 4 == 2;
        out_ = std::move(out);
    } catch (const system_error& e) {
        const bool bad = how % 4 == 3;
        must(!first || gone || bad, "a good head is taken");
        must((bad && e.code() == make_error_code(errc::bad_header_value)) ||
                 ((!first || gone) && e.code() == make_error_code(errc::already_responded)),
             "R32: why a response is refused");
    }
}

// Right behind what was accepted. While another write is pending nothing is to be taken: then bytes that would show.
std::size_t played_app::next_bytes(std::size_t n, std::string& to)
{
    to.clear();
    const auto from = out_->accepted();
    if (writing_ && from < write_end_)
        to.assign(n, '\0');
    else
        append_pattern(number_, from, n, to);
    return n;
}

void played_app::write(std::size_t n)
{
    if (!out_)
        return;
    std::string bytes;
    next_bytes(n, bytes);
    const auto before = out_->accepted();
    error_code ec;
    const auto taken = out_->try_write(bytes, ec);
    must(taken <= n && (!ec || taken == 0), "some and no error, or none and an error");
    must(out_->accepted() == before + taken, "what was taken is counted");
    refresh();
}

void played_app::write_all(std::size_t n)
{
    if (!out_ || writing_)
        return;
    next_bytes(n, write_buffer_);
    writing_ = true;
    const auto from = out_->accepted();
    write_end_ = from + n;
    out_->async_write(boost::asio::buffer(write_buffer_), [this, n](error_code ec, std::size_t written) {
        must(written <= n && (ec || written == n), "all or an error");
        writing_ = false;
    });
    refresh();
}

void played_app::try_flush()
{
    error_code ec;
    if (out_)
        out_->try_flush(ec);
}

void played_app::flush()
{
    if (out_ && !std::exchange(waiting_, true))
        out_->async_flush([this](error_code) { waiting_ = false; });
}

void played_app::finish()
{
    if (!out_)
        return;
    // Counted before, as some goes out at once. That the finish is refused shows below.
    refresh();
    const bool before = std::exchange(run_.meant_well, true);
    boost::asio::co_spawn(out_->get_executor(), out_->finish(),
                          [&run = run_, before](const std::exception_ptr& failure) {
                              if (!failure)
                                  run.told_well = true;
                              else if (!before && refused(failure))
                                  run.meant_well = false;
                          });
}

void played_app::abort()
{
    if (out_)
        out_->abort();
}

void played_app::read(std::size_t n)
{
    if (!alive() || reading_)
        return;
    read_buffer_.assign(n, '\0');
    reading_ = true;
    request_.body().async_read(boost::asio::buffer(read_buffer_), [this, n](error_code ec, std::size_t got) {
        reading_ = false;
        must(got <= n && (!ec || got == 0), "some and no error, or none and an error");
        check_body_piece(*peer_, read_, std::string_view(read_buffer_).substr(0, got));
        read_ += got;
        if (!ec && got == 0 && n > 0)
            check_body_end(*peer_, read_);
    });
}

void played_app::complain(std::size_t n)
{
    if (alive())
        request_.errors().line(std::string(n, 'e'));
}

// A completion handler of the app that throws fails its request (R39, R40).
void played_app::throw_when_written(std::size_t n)
{
    if (!out_ || writing_)
        return;
    next_bytes(n, write_buffer_);
    writing_ = true;
    write_end_ = out_->accepted() + n;
    out_->async_write(boost::asio::buffer(write_buffer_), [this](error_code, std::size_t) {
        writing_ = false;
        throw std::runtime_error("the app fails");
    });
}

void played_app::drop()
{
    refresh();
    out_.reset();
    respond_.reset();
}

// What the script does not play

sluice::task<void> session_world::run_app(request& r, responder respond)
{
    const auto number = static_cast<unsigned>(model_.apps.size());
    model_.apps.emplace_back();
    auto peer = model_.app_starts(r.env());
    const unsigned mode = script_.byte() % 16u;
    if (mode > 5)
        apps.emplace_back(r, std::move(respond), number, model_.apps.back(), std::move(peer));
    else
        co_await run_unplayed(mode, r, std::move(respond), number, std::move(peer));
}

sluice::task<void> session_world::run_unplayed(unsigned mode, request& r, responder respond, unsigned number,
                                               peer_request_ptr peer)
{
    app_run& run = model_.apps[number];
    const std::size_t size = script_.byte() * std::size_t{300};
    if (mode == 0)
        throw std::runtime_error("the app fails");
    const auto name = header_of(number);
    run.without_body = r.env().method() == "HEAD";
    std::string buffer(1 + size / 16, '\0');
    std::size_t got = 0;
    if (mode == 1) { // reads all, then answers
        for (;;) {
            const auto n = co_await r.body().read(boost::asio::buffer(buffer));
            check_body_piece(*peer, got, std::string_view(buffer).substr(0, n));
            got += n;
            if (n == 0)
                break;
        }
        check_body_end(*peer, got);
        std::string body;
        append_pattern(number, 0, size, body);
        run.accepted = size;
        run.meant_well = true;
        respond.send(200, {{"Content-Type", "text/plain"}, {"X-App", name}}, std::move(body));
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
    if (mode == 2) { // writes as much as it reads
        for (;;) {
            const auto n = co_await r.body().read(boost::asio::buffer(buffer));
            check_body_piece(*peer, got, std::string_view(buffer).substr(0, n));
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

} // namespace sluice::fuzz
