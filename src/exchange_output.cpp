// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The exchange as response_port and sink: how a response is started, written and ended.
#include <sluice/exchange.hpp>

#include <sluice/log.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>

namespace sluice {

namespace {

// From here on, sending straight from the app's buffer costs less than copying into blocks and gathering.
constexpr std::size_t direct_size = 16 * 1024;

// What a trip to the kernel costs of the turn's budget, however little it carries.
constexpr std::ptrdiff_t trip_cost = 4096;

// What is lent where the response has no body: nobody looks at what is put there.
thread_local std::array<std::byte, 4096> nowhere;

std::span<const std::byte> bytes_of(std::string_view s) noexcept
{
    return std::as_bytes(std::span(s.data(), s.size()));
}

} // namespace

// Starting

void exchange::send_head(error_code& ec, std::string& why)
{
    if (phase_ == phase::over && told_ && !answered_)
        return; // R35: the client is gone, which is no error of the one who answers
    if (phase_ != phase::waiting) {
        ec = errc::already_responded;
        return;
    }
    head_facts facts;
    if ((ec = check_head(head_, facts, &why)))
        return;
    if (role_ == sluice::role::authorizer && head_.status == 200) {
        // A yes has no content; Apache's modules would let these describe the file behind it.
        head_.headers.erase("Content-Type");
        head_.headers.erase("Content-Length");
    }
    std::string& text = resources_.scratch();
    host_->serialize_head(head_, text);
    const auto most = std::min(resources_.limits().response_head, resources_.pool().capacity());
    if (text.size() > most) {
        ec = errc::bad_header_value;
        why = fmt::format("status and headers make {} bytes, limits::response_head is {}", text.size(), most);
        return;
    }
    head_bytes_ = out_.append(bytes_of(text));
    head_only_ = is_head_request_ || !facts.body_allowed;
    length_ = facts.content_length;
    sent_status_ = head_.status;
    phase_ = phase::streaming;
    answered_ = true;
    announce();
}

sink_ptr exchange::start(error_code& ec, std::string& why)
{
    send_head(ec, why);
    if (ec)
        return nullptr;
    writer_alive_ = true;
    return sink_ptr(this);
}

void exchange::send(std::string body, error_code& ec, std::string& why)
{
    if (phase_ == phase::waiting && status_allows_body(head_.status)) {
        const auto given = head_.headers.get("Content-Length");
        const auto size = std::to_string(body.size());
        const bool number = !given.empty() && given.find_first_not_of("0123456789") == given.npos;
        if (given.empty()) {
            head_.headers.set("Content-Length", size);
        } else if (number && given != size && !is_head_request_) {
            ec = errc::length_exceeded;
            why = fmt::format("Content-Length says {}, the body has {} bytes", given, size);
            return;
        }
    }
    send_head(ec, why);
    if (ec || phase_ != phase::streaming)
        return;
    if (head_only_) {
        length_.reset();
        accepted_ = body.size();
        return finish(ec);
    }
    whole_body_ = std::move(body);
    whole_body_at_ = 0;
    feed_body();
}

void exchange::feed_body()
{
    error_code ec;
    whole_body_at_ += try_write(bytes_of(whole_body_).subspan(whole_body_at_), ec);
    if (!ec && whole_body_at_ < whole_body_.size()) {
        wait(wait_for::writable, [this](error_code wait_ec) {
            if (!wait_ec)
                feed_body();
        });
        return;
    }
    whole_body_.clear();
    if (!ec)
        finish(ec);
}

// Writing

bool exchange::may_write(error_code& ec) const noexcept
{
    if (error_)
        ec = error_;
    else if (phase_ != phase::streaming)
        ec = errc::already_finished;
    else if (waiter_)
        ec = errc::operation_pending;
    else
        ec = {};
    return !ec;
}

std::size_t exchange::try_write(std::span<const std::byte> bytes, error_code& ec)
{
    close_put_area();
    if (!may_write(ec))
        return 0;
    if (length_ && bytes.size() > *length_ - accepted_) {
        ec = errc::length_exceeded;
        return 0;
    }
    if (head_only_ && end_if_endless(ec))
        return 0;
    const auto taken = take(bytes);
    accepted_ += taken;
    resources_.figures().produced.add(taken);
    if (error_ && taken == 0)
        ec = error_;
    open_put_area();
    return taken;
}

std::size_t exchange::take(std::span<const std::byte> bytes)
{
    std::size_t taken = 0;
    if (head_only_) {
        taken = std::min(bytes.size(), static_cast<std::size_t>(std::max<std::ptrdiff_t>(budget_, 0)));
        budget_ -= static_cast<std::ptrdiff_t>(taken);
        return taken;
    }
    wants_direct_ = false;
    if (bytes.size() >= direct_size && budget_ > 0) {
        const auto now = std::max(static_cast<std::size_t>(budget_), direct_size);
        taken = host_->send(*this, bytes.first(std::min(bytes.size(), now)));
        budget_ -= static_cast<std::ptrdiff_t>(taken) + trip_cost;
    }
    while (taken < bytes.size() && !error_) {
        const auto rest = bytes.subspan(taken);
        // A large rest is worth waiting for an empty socket: it then needs no copy.
        if (rest.size() >= direct_size && !out_.empty()) {
            wants_direct_ = true;
            break;
        }
        const auto n = out_.append(rest);
        taken += n;
        if (n == 0 && (budget_ <= 0 || !push()))
            break;
    }
    resources_.figures().peak_held.raise_to(out_.held());
    if (!out_.empty())
        announce();
    return taken;
}

std::span<std::byte> exchange::prepare(error_code& ec)
{
    close_put_area();
    if (!may_write(ec))
        return {};
    if (head_only_) {
        if (end_if_endless(ec))
            return {};
        return budget_ > 0 ? std::span<std::byte>(nowhere) : std::span<std::byte>();
    }
    wants_direct_ = false;
    auto room = budget_ > 0 ? out_.room() : std::span<std::byte>();
    if (room.empty() && budget_ > 0 && push())
        room = out_.room();
    if (error_) {
        ec = error_;
        return {};
    }
    if (length_ && room.size() > *length_ - accepted_) {
        room = room.first(*length_ - accepted_);
        if (room.empty())
            ec = errc::length_exceeded;
    }
    return room;
}

void exchange::commit(std::size_t n)
{
    if (n == 0)
        return out_.trim();
    accepted_ += n;
    budget_ -= static_cast<std::ptrdiff_t>(n);
    auto& figures = resources_.figures();
    figures.produced.add(n);
    if (head_only_)
        return;
    out_.commit(n);
    figures.peak_held.raise_to(out_.held());
    announce();
}

// Open only behind bytes that the host knows of already, and closed by whatever looks at or changes the state of the
// response: so what is put needs no check and nobody to be told.
void exchange::open_put_area() noexcept
{
    if (!announced_ || phase_ != phase::streaming || error_ || head_only_ || wants_direct_)
        return;
    auto room = out_.room_in_block();
    if (length_ && room.size() > *length_ - accepted_)
        room = room.first(*length_ - accepted_);
    if (!room.empty())
        put_area_ = {room.data(), room.data() + room.size()};
}

void exchange::count_bytes_put() noexcept
{
    const auto n = bytes_put();
    put_area_ = {};
    if (n == 0)
        return;
    out_.commit(n);
    accepted_ += n;
    resources_.figures().produced.add(n);
}

// Hands what is queued to the kernel; true when that made room.
bool exchange::push()
{
    const auto before = sent_;
    host_->send(*this, {});
    budget_ -= static_cast<std::ptrdiff_t>(sent_ - before) + trip_cost;
    return sent_ != before;
}

void exchange::announce()
{
    if (announced_ || !host_)
        return;
    announced_ = true;
    host_->output_ready(*this);
}

std::uint64_t exchange::sent() const
{
    return sent_ - std::min(sent_, head_bytes_);
}

void exchange::output_sent(std::size_t n)
{
    sent_ += n;
    out_.drained(n);
    if (out_.empty())
        announced_ = false;
    check_waiter();
}

bool exchange::try_flush(error_code& ec)
{
    close_put_area();
    if (!may_write(ec))
        return false;
    if (!out_.empty() && budget_ > 0) {
        const bool announced = announced_;
        push();
        // A transport that left the block for what follows will look again in this turn, as it was asked to.
        if (!out_.room_in_block().empty()) {
            announced_ = announced;
            open_put_area();
        }
    }
    if (error_)
        ec = error_;
    return out_.empty() && !ec;
}

// Waiting

bool exchange::satisfied(wait_for what) const noexcept
{
    if (phase_ == phase::over || (error_ && phase_ != phase::finished))
        return true;
    switch (what) {
    case wait_for::flushed: return out_.empty();
    case wait_for::finished: return false;
    case wait_for::writable: break;
    }
    if (phase_ != phase::streaming)
        return true;
    if (wants_direct_)
        return out_.empty();
    // Half a window at once, so that an app is not woken for a few bytes.
    return out_.credit() > 0 && out_.size() <= out_.window() / 2;
}

bool exchange::wait(wait_for what, waiter w)
{
    close_put_area();
    if (waiter_) {
        complete_soon([w = std::move(w)]() mutable { w(errc::operation_pending); });
        return false;
    }
    waiter_ = std::move(w);
    waiting_for_ = what;
    waiter_result_ = {};
    if (!satisfied(what)) {
        if (!out_.empty())
            announce();
        return true;
    }
    // An app that always finds room gives the others their turn when its budget is spent (F29).
    if (budget_ > 0)
        resources_.turn().put_off(writer_task_);
    else
        resources_.turn().put_off_to_next(writer_task_);
    return true;
}

void exchange::complete_soon(detail::unique_function<void()> handler)
{
    boost::asio::post(get_executor(), [x = exchange_ptr(this), h = std::move(handler)]() mutable {
        x->complete(std::move(h));
    });
}

void exchange::cancel_wait()
{
    if (!waiter_)
        return;
    waiter_result_ = boost::asio::error::operation_aborted;
    resources_.turn().put_off(writer_task_);
}

void exchange::check_waiter()
{
    if (waiter_ && satisfied(waiting_for_))
        resources_.turn().put_off(writer_task_);
}

void exchange::resume_writer()
{
    renew_budget();
    if (!waiter_)
        return;
    error_code ec = error_ ? error_ : waiter_result_;
    if (!ec && !satisfied(waiting_for_))
        return; // another operation used up what had become free
    if (!ec && waiting_for_ == wait_for::writable && phase_ != phase::streaming)
        ec = errc::already_finished;
    complete([&] { std::exchange(waiter_, {})(ec); });
}

// Ending

void exchange::finish(error_code& ec)
{
    close_put_area();
    if (phase_ == phase::finished || (phase_ == phase::over && !error_))
        return;
    if (!may_write(ec))
        return;
    if (length_ && accepted_ < *length_ && !head_only_) {
        log::error("#{} {} {}: Content-Length says {}, the response has {} bytes", id_, env_.method(),
                   env_.request_uri(), *length_, accepted_);
        ec = errc::length_short;
        return abort(ec);
    }
    phase_ = phase::finished;
    discard_input();
    host_->output_ready(*this);
}

void exchange::drop_rest()
{
    close_put_area();
    head_only_ = true;
    length_.reset();
}

// Where nothing of what it writes goes out, an app that never ends would run for nobody.
bool exchange::end_if_endless(error_code& ec)
{
    if (accepted_ < resources_.limits().unsent_body)
        return false;
    end_without_body();
    ec = error_;
    return true;
}

void exchange::end_without_body()
{
    phase_ = phase::finished;
    discard_input();
    host_->output_ready(*this);
    tell(errc::client_gone);
}

void exchange::abort(error_code reason)
{
    close_put_area();
    if (phase_ != phase::streaming)
        return;
    phase_ = phase::aborted;
    error_ = reason;
    discard_input();
    whole_body_.clear();
    check_waiter();
    host_->output_ready(*this);
}

} // namespace sluice
