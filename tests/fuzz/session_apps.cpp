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

error_code code_of(const std::exception_ptr& failure)
{
    try {
        std::rethrow_exception(failure);
    } catch (const system_error& e) {
        return e.code();
    }
}

// True when a finish was not taken. One that was may still be told that the client has gone or the process ends, and its
// response be whole at the peer.
bool is_refusal(error_code ec)
{
    return ec != make_error_code(errc::client_gone) && ec != make_error_code(errc::shutting_down) &&
           ec != make_error_code(errc::write_stalled);
}

std::string header_of(unsigned number)
{
    return std::to_string(number);
}

} // namespace

void stream_reader::got(std::string_view bytes, std::size_t asked)
{
    const peer_stream& sent = is_data_ ? peer_->data : peer_->body;
    const auto length = is_data_ ? peer_->data_length() : peer_->body_length();
    must(bytes.size() <= asked, "no more than what was asked for");
    if (bytes.empty()) {
        must(asked == 0 || (length ? so_far_ == *length : sent.ended && so_far_ == sent.bytes.size()),
             "R19: the end where it is");
        return;
    }
    must(!given_up, "nothing of a body that was given up for the data");
    must(!length || so_far_ + bytes.size() <= *length, "R19: nothing behind the announced end");
    must(std::string_view(sent.bytes).substr(std::min(so_far_, sent.bytes.size())).starts_with(bytes),
         "the stream as the peer sent it");
    so_far_ += bytes.size();
}

void stream_reader::failed(error_code why) const
{
    const peer_stream& sent = is_data_ ? peer_->data : peer_->body;
    const auto length = is_data_ ? peer_->data_length() : peer_->body_length();
    if (why == make_error_code(errc::body_incomplete))
        must(length ? sent.bytes.size() < *length : !sent.ended,
             "R19: what is whole is not called incomplete");
}

// Of what is not given up, and not of its end.
std::size_t stream_reader::unread() const
{
    const peer_stream& sent = is_data_ ? peer_->data : peer_->body;
    const auto length = is_data_ ? peer_->data_length() : peer_->body_length();
    const auto all = std::min<std::uint64_t>(sent.bytes.size(), length.value_or(sent.bytes.size()));
    return given_up ? 0 : static_cast<std::size_t>(all) - so_far_;
}

played_app::played_app(request& r, responder respond, unsigned number, app_run& run, peer_request_ptr peer)
    : request_(r), respond_(std::move(respond)), number_(number), run_(run), peer_(std::move(peer))
{
    run_.exact = true;
}

// Who has dropped the responder and the writer while he waits is not told any more.
void played_app::check(bool peer_gone, bool input_over, bool kernel_open)
{
    refresh();
    if (!alive())
        return;
    must(!(peer_gone || peer_->aborted) || !unfinished(),
         "F8, F11, F24: an app is told that its client has gone");
    const bool gone = peer_gone || request_.aborted(), writes = writing_ || waiting_;
    must(!gone || !(body_.reading || data_.reading || writes), "F8: whoever waits is told");
    must(!input_over || !(body_.reading || data_.reading), "whoever reads is told that no more comes");
    // A response that was finished goes out nevertheless, when it is the process that ends.
    must(!peer_gone || finishing_ == 0, "F8: and whoever waits for the end");
    must(!kernel_open || !(writes || finishing_ > 0), "F23: with room in the kernel nobody waits");
}

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
        run_.exact = false;
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
    const bool gone = request_.aborted();
    error_code ec;
    const auto taken = out_->try_write(bytes, ec);
    must(!gone || ec, "F10: nothing is taken for a client that has gone");
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
    ++finishing_;
    boost::asio::co_spawn(out_->get_executor(), out_->finish(),
                          [this, before](const std::exception_ptr& failure) {
                              --finishing_;
                              if (!failure) {
                                  run_.told_well = true;
                              } else if (const auto ec = code_of(failure); !before && is_refusal(ec)) {
                                  run_.meant_well = false;
                                  failed_ |= ec == make_error_code(errc::length_short);
                              }
                          });
}

void played_app::abort()
{
    if (!out_)
        return;
    failed_ = true;
    out_->abort();
}

void played_app::read(stream_reader& from, std::size_t n)
{
    if (!alive() || from.reading)
        return;
    // Whoever reads the data gives the rest of the body up. What has come to its end may still be read.
    if (&from == &data_ && peer_->role == role::filter && !peer_->body.ended)
        body_.given_up = true;
    from.buffer.assign(n, '\0');
    from.reading = true;
    auto stream = &from == &data_ ? request_.data() : request_.body();
    stream.async_read(boost::asio::buffer(from.buffer), [&from, n](error_code ec, std::size_t got) {
        from.reading = false;
        must(!ec || got == 0, "some and no error, or none and an error");
        if (ec)
            from.failed(ec);
        else
            from.got(std::string_view(from.buffer).substr(0, got), n);
    });
}

void played_app::complain(std::size_t n)
{
    if (!alive())
        return;
    request_.errors().line(std::string(n, 'e'));
    run_.complaints += n;
    if (unfinished())
        run_.sure_complaints = run_.complaints;
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
        failed_ = true;
        throw std::runtime_error("the app fails");
    });
}

void played_app::drop()
{
    refresh();
    out_.reset();
    respond_.reset();
}

} // namespace sluice::fuzz
