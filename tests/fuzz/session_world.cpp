// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "fuzz/session_world.hpp"

#include <sluice/fcgi/errc.hpp>

#include <algorithm>

namespace sluice::fuzz {

namespace {

constexpr service_facts fuzz_facts{"fastcgi"};

// As many slices as `connection` hands over at once.
constexpr std::size_t most_slices = 64;

// Handlers a script can have ready at once are far fewer: more are a loop that does not end.
constexpr int most_handlers = 300'000;

} // namespace

session_world::session_world(const limits& l, const session_model::rules& rules, bool at_once, input& script)
    : script_(script), model_(rules)
{
    resources_.emplace(context_.get_executor(), make_app(at_once), l, normalize_options{}, fuzz_facts,
                       [this] { boost::asio::post(context_, [this] { resources_->turn().run(); }); });
    resources_->runners().keep(2);
    session_.emplace(*resources_, *this);
}

application session_world::make_app(bool at_once)
{
    const application one([this](request& r, responder respond) { return run_app(r, std::move(respond)); });
    const application guard = at_once ? application([this](request& r) { return decide_now(r); })
                                      : application([this](request& r) { return decide_later(r); });
    return application::by_role({one, application::filter(one), guard});
}

session_world::~session_world()
{
    act(true, [this] { session_->lost(errc::client_gone); });
    closed_ = true;
    unlink();
    for (auto& app : apps)
        app.drop();
    poll();
    must(resources().pool().stats().in_use == 0, "all blocks are back in the pool");
    must(resources().figures().active.value() == 0, "no request is left");
    session_.reset();
    resources_->runners().keep(0);
    poll();
}

void session_world::poll()
{
    context_.restart();
    int handlers = 0;
    while (context_.poll_one() > 0)
        must(++handlers < most_handlers, "the loop comes to rest");
}

void session_world::settle()
{
    for (int rounds = 0;; ++rounds) {
        must(rounds < most_handlers, "the kernel is not asked for ever");
        poll();
        if (!blocked_ || room_ == 0 || closed_)
            break;
        blocked_ = false;
        act(true, [this] { run(); });
    }
    const bool kernel_open = !blocked_ && !closed_;
    for (auto& app : apps)
        app.check(closed_, end_seen_, kernel_open);
    model_.check_content();
    const auto& l = resources().limits();
    // What the kernel has of a record that is not whole the model does not count.
    model_.check_unfinished(kernel_open, l.window + l.block_size);
    must(!kernel_open || !model_.must_close(), "without FCGI_KEEP_CONN the connection is closed");
    check_bounds();
    check_input();
}

void session_world::check_bounds()
{
    const auto& l = resources().limits();
    must(resources().figures().peak_held.value() <= l.window, "F1: no response holds more than its window");
    const auto of_body = l.input_window / l.block_size;
    const auto of_each = l.window / l.block_size + of_body + 2;
    must(resources().pool().stats().in_use <=
             resources().figures().active.value() * of_each + model_.open_requests(role::filter) * of_body,
         "nor do all together, with their bodies and data");
    // Nor is more kept in files, where there are to be none. What comes of a body that is too large is thrown away.
    if (l.spill > 0 || l.request_body > 0 || model_.was_shared())
        return;
    for (const auto& app : apps)
        must(!app.unfinished() || app.unread() <= 2 * l.input_window, "a body holds no more than its window");
}

// Input waits only for an app that does not read, and that only while no other request is behind it on the connection;
// or for a peer that asks and takes no answers.
void session_world::check_input()
{
    if (inbox_.empty() || closed_ || end_seen_)
        return;
    const auto in_service =
        std::count_if(apps.begin(), apps.end(), [](const auto& a) { return a.unfinished(); });
    const bool in_the_way = std::any_of(apps.begin(), apps.end(),
                                        [](const auto& a) { return a.unfinished() && !a.wants_input(); });
    must(in_service < 2 || model_.owes_much(), "F24: what comes for one request waits for no other");
    must(blocked_ || in_the_way, "what an app waits for is read");
    const auto most = resources().limits().spill;
    const bool stuck = std::any_of(apps.begin(), apps.end(), [most](const auto& a) {
        return a.unfinished() && !a.wants_input() && a.is_stuck() && a.unread() < most;
    });
    must(!blocked_ || !stuck || model_.owes_much(), "F25: a peer that sends all before it reads can do so");
}

// The peer

void session_world::peer_sends(std::string_view bytes)
{
    if (peer_ended_ || closed_)
        return;
    inbox_ += bytes;
    output_ready();
}

void session_world::peer_ends(bool half_closed) noexcept
{
    if (std::exchange(peer_ended_, true))
        return;
    half_closed_ = half_closed;
    output_ready();
}

// What `connection` does

void session_world::feed()
{
    std::size_t at = 0;
    while (at < inbox_.size() && !closed_ && !end_seen_ && !session_->finished()) {
        auto n = std::min(inbox_.size() - at, session_->read_limit(blocked_));
        if (slow_gives_ > 0) {
            --slow_gives_;
            n = std::min(n, give_);
        }
        if (n == 0)
            break;
        // A copy of its own: a sanitizer sees what is read past it or later.
        std::vector<char> piece(inbox_.begin() + static_cast<std::ptrdiff_t>(at),
                                inbox_.begin() + static_cast<std::ptrdiff_t>(at + n));
        at += n;
        model_.arrives({piece.data(), n});
        const auto ec = session_->receive(std::as_bytes(std::span(piece)));
        model_.check_verdict(ec.failed());
        std::vector<char>().swap(piece);
        if (ec) {
            must(ec.category() == fcgi::fcgi_category(), "a fault of the peer");
            fail(ec);
            break;
        }
        session_->start_apps();
        model_.check_all_started();
    }
    inbox_.erase(0, at);
    feed_end();
}

void session_world::feed_end()
{
    if (!peer_ended_ || end_seen_ || closed_ || session_->finished())
        return;
    if (session_->read_limit(blocked_) == 0) {
        // The end of the input is not seen, but a peer that is gone altogether is.
        if (!half_closed_) {
            end_seen_ = lost_ = true;
            session_->lost(errc::client_gone);
        }
        return;
    }
    if (!inbox_.empty())
        return;
    end_seen_ = true;
    lost_ |= !half_closed_;
    model_.drains();
    const bool mid_record = model_.mid_record();
    const auto ec = session_->receive_end(half_closed_);
    must((ec == make_error_code(fcgi::errc::closed_mid_record)) == mid_record,
         "an end inside of a record is a fault");
    must(!ec || mid_record || model_.may_be_in_params(),
         "an end elsewhere is none, but before a request is whole");
    must(half_closed_ || session_->finished(), "without a peer all is over");
    if (ec)
        fail(ec);
}

void session_world::pump()
{
    if (pumping_ || blocked_ || closed_)
        return;
    pumping_ = true;
    for (;;) {
        const auto slices = session_->gather();
        if (slices.empty())
            break;
        if (broken_) {
            lost_ = true;
            session_->lost(errc::client_gone);
            output_ready();
            break;
        }
        const auto some = slices.first(std::min(slices.size(), most_slices));
        std::size_t total = 0;
        for (const auto slice : some)
            total += slice.size();
        const auto n = kernel_takes(total);
        auto left = n;
        for (const auto slice : some) {
            const auto part = slice.first(std::min(left, slice.size()));
            model_.leaves({reinterpret_cast<const char*>(part.data()), part.size()});
            left -= part.size();
        }
        session_->sent(n);
        if (n < total) {
            blocked_ = true;
            output_ready(); // the session may want to read on now
            break;
        }
        if (session_->finished() || (some.size() == slices.size() && !session_->more_output()))
            break;
    }
    pumping_ = false;
}

std::size_t session_world::send_now(std::span<const std::byte> bytes)
{
    if (pumping_ || blocked_ || closed_ || broken_)
        return 0;
    const auto n = kernel_takes(bytes.size());
    model_.leaves({reinterpret_cast<const char*>(bytes.data()), n});
    return n;
}

std::size_t session_world::kernel_takes(std::size_t offered) noexcept
{
    auto n = std::min(offered, room_);
    if (slow_takes_ > 0) {
        --slow_takes_;
        n = std::min(n, take_);
    }
    if (room_ != everything)
        room_ -= n;
    return n;
}

void session_world::output_ready()
{
    if (!closed_)
        resources().turn().put_off(*this);
}

// As where a read is under way, and will see for itself what may be read: nothing else comes of it.
void session_world::input_wanted()
{
    if (!inbox_.empty() || peer_ended_)
        output_ready();
}

void session_world::run()
{
    if (closed_)
        return;
    pump();
    feed();
    close_when_finished();
}

void session_world::fail(error_code why)
{
    lost_ = true;
    session_->lost(why.category() == sluice_category() ? why : error_code(errc::client_gone));
}

void session_world::close_when_finished()
{
    if (closed_ || !session_->finished())
        return;
    closed_ = true;
    unlink();
    const detail::turn::scope turn(resources().turn());
    session_->lost(errc::client_gone);
}

void session_world::pass(std::chrono::seconds time)
{
    if (closed_)
        return;
    now_ += time;
    model_.passes();
    const auto ec = session_->check(now_);
    must(ec != make_error_code(errc::write_stalled) || blocked_, "a stall where the kernel takes no more");
    must(ec != make_error_code(fcgi::errc::request_idle) || model_.may_be_receiving() || !model_.greeted(),
         "an idle request where one is coming");
    if (ec)
        fail(ec);
    output_ready();
}

void session_world::drain()
{
    model_.drains();
    session_->drain();
    output_ready();
}

void session_world::cancel()
{
    if (closed_)
        return;
    model_.drains();
    model_.cancels();
    session_->cancel(errc::shutting_down);
    output_ready();
}

void session_world::wind_up(bool half_closed)
{
    settle();
    slow_takes_ = slow_gives_ = 0;
    peer_reads(everything);
    settle();
    for (auto& app : apps)
        app.drop();
    settle();
    must(closed_ || inbox_.empty(), "with nobody in the way all input is read");
    peer_ends(half_closed);
    settle();
    must(closed_ || session_->finished() || session_->idle(),
         "with the whole input there all requests come to their end");
    model_.check_unfinished(false, everything);
    if (!lost_ && !broken_)
        model_.check_complete();
}

} // namespace sluice::fuzz
