// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/exchange.hpp>

#include <sluice/detail/app_failure.hpp>
#include <sluice/log.hpp>

#include <atomic>

namespace sluice {

namespace {

std::atomic<std::uint64_t> last_id{0};

std::string_view words_for(int status)
{
    switch (status) {
    case 400: return "The request cannot be understood.";
    case 413: return "The body of the request, or a part of it, is larger than this service takes.";
    case 415: return "The body of the request is of a type that this service does not take.";
    default: return "The application failed.";
    }
}

} // namespace

exchange::exchange(loop_resources& r)
    : resources_(r), request_(*this), out_(r.pool(), r.limits()), body_(*this, "body"), writer_task_(*this)
{}

bool exchange::open(exchange_host& host, sluice::role r)
{
    if (!out_.reserve())
        return false;
    resources_.figures().active.add(1);
    host_ = &host;
    role_ = r;
    id_ = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
    set_phase(phase::reading);
    started_ = std::chrono::steady_clock::now();
    renew_budget();
    return true;
}

bool exchange::admit(bool body_follows)
{
    auto& figures = resources_.figures();
    figures.requests.add(1);
    set_phase(phase::waiting);

    std::string why;
    if (normalize(env_, resources_.normalize(), &why)) {
        log::warning("#{} refused with 400: {}", id_, why);
        answer_error(400, "The web server sent a request that breaks CGI's rules.");
        return false;
    }
    if (!resources_.app().serves(role_)) {
        // FastCGI sessions know before; a CGI program learns it from nobody.
        log::error("#{} this app does not serve requests of role {}", id_, static_cast<int>(role_));
        answer_error(500, "The application does not serve such requests.");
        return false;
    }
    is_head_request_ = env_.method() == "HEAD";
    is_safe_ = is_head_request_ || env_.method() == "GET";
    const auto length = env_.content_length();
    const auto most = resources_.limits().request_body;
    if (most > 0 && length.value_or(0) > most) {
        log::warning("#{} refused with 413: a body of {} bytes, limits::request_body is {}", id_, *length,
                     most);
        answer_error(413, "The request body is larger than this service takes.");
        return false;
    }
    bool reserved = body_.begin(body_follows, length, most);
    if (role_ == sluice::role::filter) {
        const auto data_length = env_.data_length();
        if (!data_length && env_.contains("FCGI_DATA_LENGTH")) {
            log::warning("#{} refused with 400: FCGI_DATA_LENGTH is no number of bytes: '{}'", id_,
                         env_.get("FCGI_DATA_LENGTH"));
            answer_error(400, "The web server sent a request that breaks FastCGI's rules.");
            return false;
        }
        reserved &= data().begin(true, data_length, 0);
        data_->comes_after(body_);
    }
    if (!reserved) {
        log::warning("#{} refused with 503: no block of the pool is left for its body (limits::pool_bytes)",
                     id_);
        answer_error(503, "This service is busy. Try again.");
        return false;
    }
    return true;
}

void exchange::run()
{
    if (phase_ != phase::waiting)
        return; // the client left before its request was looked at
    app_running_ = responder_alive_ = true;
    responder respond{response_port_ptr(this)};
    bool answered = false;
    try {
        answered = resources_.app().answer(request_, respond);
    } catch (...) {
        return app_returned(std::current_exception());
    }
    if (answered)
        return app_returned(nullptr);
    resources_.runners().run(exchange_ptr(this), std::move(respond));
}

void exchange::app_returned(const std::exception_ptr& failure)
{
    app_running_ = false;
    if (app_ended_)
        std::exchange(app_ended_, {})();
    if (phase_ == phase::over)
        return; // the client went first; that is in the log already
    if (failure) {
        app_failed(failure);
    } else if (phase_ == phase::waiting && !responder_alive_) {
        responder_dropped();
    } else if (phase_ == phase::streaming && !writer_alive_ && whole_body_.empty()) {
        error_code ec;
        finish(ec);
        if (ec && phase_ == phase::streaming) {
            log::error("#{} {} {}: the app returned while a write was pending", id_, env_.method(),
                       env_.request_uri());
            abort(errc::aborted);
        }
    }
}

void exchange::app_failed(const std::exception_ptr& failure)
{
    if (phase_ == phase::over || told_)
        return; // nobody waits any more, and what the app makes of that is its own
    const bool answerable = phase_ == phase::waiting;
    const detail::app_failure what(failure);
    what.log(id_, env_, answerable);
    if (answerable)
        answer_failure(what.status, words_for(what.status));
    else if (whole_body_.empty()) // what was given whole is not taken back
        abort(errc::aborted);
}

void exchange::answer_failure(int status, std::string_view text)
{
    if (failure_handler_) {
        try {
            std::exchange(failure_handler_, {})(status);
        } catch (...) {
            log::error("#{} an on_failure handler failed: {}", id_,
                       detail::app_failure(std::current_exception()).what);
        }
        if (phase_ != phase::waiting)
            return;
    }
    answer_error(status, text);
}

void exchange::responder_dropped()
{
    responder_alive_ = false;
    // While the app runs it may be an exception that drops it: then the end of the app decides.
    if (phase_ != phase::waiting || app_running_)
        return;
    log::error("#{} {} {}: the app ended without an answer", id_, env_.method(), env_.request_uri());
    answer_failure(500, "The application did not answer.");
}

void exchange::writer_dropped()
{
    writer_alive_ = false;
    if (phase_ == phase::streaming && !app_running_) {
        log::error("#{} {} {}: the writer was dropped before finish()", id_, env_.method(),
                   env_.request_uri());
        abort(errc::aborted);
    }
}

void exchange::answer_error(int status, std::string_view text)
{
    head_.clear();
    head_.status = status;
    head_.headers.add("Content-Type", "text/plain; charset=utf-8");
    std::string body(text);
    body += '\n';
    error_code ec;
    std::string why;
    send(std::move(body), ec, why);
}

void exchange::write_error_text(std::string_view text)
{
    if (phase_ == phase::over || phase_ == phase::idle)
        return;
    const auto most = resources_.limits().error_text;
    const auto room = most - std::min(most, errors_.size());
    errors_ += text.substr(0, room);
    errors_dropped_ += text.size() - std::min(room, text.size());
    if (!errors_.empty())
        host_->output_ready(*this);
}

void exchange::take_errors(std::string& to)
{
    to.assign(errors_);
    errors_.clear();
    if (errors_dropped_ > 0) {
        to += fmt::format("\n[sluice: {} more bytes of error text were dropped (limits::error_text)]\n",
                          errors_dropped_);
        errors_dropped_ = 0;
    }
}

void exchange::tell(error_code reason)
{
    close_put_area();
    if (told_)
        return;
    told_ = true;
    error_ = reason;
    body_.fail(reason);
    if (data_)
        data_->fail(reason);
    check_waiter();
    if (runner_)
        runner_->cancel();
}

void exchange::lost(error_code reason)
{
    if (phase_ == phase::over || phase_ == phase::idle)
        return;
    const bool unfinished = app_running_ || responder_alive_ || writer_alive_;
    const bool by_client = reason == errc::client_gone || reason == errc::write_stalled;
    if (unfinished && by_client && !told_)
        resources_.figures().client_gone.add(1);
    const exchange_ptr keep(this);
    tell(reason);
    end(reason.message());
}

void exchange::cancel(error_code reason)
{
    const exchange_ptr keep(this);
    if (phase_ == phase::waiting)
        answer_error(503, "This service is shutting down. Try again.");
    else
        abort(reason);
    tell(reason);
}

void exchange::ended()
{
    const exchange_ptr keep(this);
    complete_ = phase_ != phase::aborted;
    end(complete_ ? "complete" : error_.message());
}

void exchange::log_end(std::string_view how) const
{
    if (!log::enabled(log::level::info))
        return;
    const auto took = std::chrono::steady_clock::now() - started_;
    log::info("#{} {} {} {} {} bytes, held at most {}, {} ms, {}", id_, env_.method(), env_.request_uri(),
              sent_status_, accepted_, out_.peak_held(),
              std::chrono::duration_cast<std::chrono::milliseconds>(took).count(), how);
}

void exchange::end(std::string_view how)
{
    close_put_area();
    if (phase_ == phase::over || phase_ == phase::idle)
        return;
    resources_.figures().active.subtract(1);
    if (phase_ != phase::reading)
        log_end(how);
    const bool complete = phase_ == phase::finished;
    set_phase(phase::over);
    host_ = nullptr;
    out_.reset();
    whole_body_.clear();
    whole_body_.shrink_to_fit();
    if (!complete && !error_)
        error_ = errc::client_gone;
    check_waiter();
    body_.close();
    if (data_)
        data_->close();
    failure_handler_ = {};
    run_end_handlers();
}

void exchange::run_end_handlers()
{
    while (!at_end_.empty()) {
        auto f = std::move(at_end_.back());
        at_end_.pop_back();
        try {
            f();
        } catch (...) {
            log::error("#{} an on_end handler failed: {}", id_,
                       detail::app_failure(std::current_exception()).what);
        }
    }
}

void exchange::on_end(detail::unique_function<void()> f)
{
    at_end_.push_back(std::move(f));
    if (phase_ == phase::over)
        run_end_handlers();
}

request_stream& exchange::data()
{
    if (!data_)
        data_ = std::make_unique<request_stream>(*this, "data");
    return *data_;
}

bool exchange::stuck(const request_stream& in) const noexcept
{
    return phase_ == phase::streaming && !out_.empty() && in.may_spill();
}

void exchange::discard_input() noexcept
{
    body_.discard();
    if (data_)
        data_->discard();
}

void exchange::set_phase(phase next) noexcept
{
    auto& half_sent = resources_.figures().half_sent;
    if (phase_ == phase::reading)
        half_sent.subtract(1);
    if (next == phase::reading)
        half_sent.add(1);
    phase_ = next;
}

void exchange::renew_budget() noexcept
{
    budget_ = static_cast<std::ptrdiff_t>(resources_.limits().turn_budget);
}

bool exchange::stalled(std::chrono::steady_clock::time_point now, bool moving, bool others_stream)
{
    // The client has all that it gets. What is asked for by GET or HEAD has no effects that an app would have to bring to an end.
    const bool has_all = head_only_ && is_safe_ && phase_ == phase::streaming && out_.empty();
    const bool waits_for_client = phase_ == phase::streaming
                                      ? !out_.empty() || has_all
                                      : phase_ == phase::finished || phase_ == phase::aborted;
    if (!waits_for_client || (moving && !has_all) || sent_ != sent_at_check_) {
        sent_at_check_ = sent_;
        stalling_ = false;
        return false;
    }
    if (!stalling_) {
        stalling_ = true;
        stalled_since_ = now;
        out_.stalled();
        return false;
    }
    const auto& l = resources_.limits();
    if (has_all) {
        if (now - stalled_since_ >= l.linger)
            end_without_body();
        return false;
    }
    const bool streams = others_stream || phase_ == phase::streaming;
    return now - stalled_since_ >= (streams ? l.write_stall : l.linger);
}

void exchange::unreferenced() noexcept
{
    reset();
    resources_.recycle(this);
}

void exchange::reset() noexcept
{
    put_area_ = {};
    // A transport keeps an exchange until it is over; one that never opened has nothing to end.
    writer_task_.unlink();
    body_.reset();
    if (data_)
        data_->reset();
    host_ = nullptr;
    phase_ = phase::idle;
    app_running_ = responder_alive_ = writer_alive_ = announced_ = answered_ = told_ = head_only_ =
        is_head_request_ = false;
    wants_direct_ = stalling_ = false;
    env_.clear();
    head_.clear();
    out_.reset();
    whole_body_.clear();
    whole_body_at_ = 0;
    errors_.clear();
    errors_dropped_ = 0;
    at_end_.clear();
    error_ = waiter_result_ = {};
    accepted_ = sent_ = head_bytes_ = sent_at_check_ = 0;
    sent_status_ = 0;
    length_.reset();
    waiter_ = {};
    app_ended_ = {};
    transport_id = 0;
}

} // namespace sluice
