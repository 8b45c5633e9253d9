// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/fake_host.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <thread>
#include <utility>

namespace sluice::test {

namespace {

constexpr service_facts testing_facts{"testing"};

bool equal_nocase(std::string_view a, std::string_view b)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

} // namespace

// The loop

fake_loop::fake_loop(application app, const sluice::limits& l)
{
    resources_.emplace(context_.get_executor(), std::move(app), l, normalize_options{}, testing_facts,
                       [this] { boost::asio::post(context_, [this] { resources_->turn().run(); }); });
    resources_->runners().keep(2);
}

fake_loop::~fake_loop()
{
    poll(); // apps that were told of the end go first
    resources_->runners().keep(0);
}

std::size_t fake_loop::poll(std::size_t most)
{
    context_.restart();
    std::size_t n = 0;
    while (n < most && context_.poll_one() > 0)
        ++n;
    return n;
}

bool fake_loop::poll_until(const std::function<bool()>& done, std::chrono::milliseconds most)
{
    const auto deadline = std::chrono::steady_clock::now() + most;
    for (;;) {
        const auto n = poll(1000);
        if (done())
            return true;
        if (std::chrono::steady_clock::now() >= deadline)
            return false;
        if (n == 0)
            std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

statistics fake_loop::statistics() const
{
    sluice::statistics s;
    resources_->add_to(s);
    return s;
}

// The web server's side

fake_host::fake_host(fake_loop& loop, direct way) : loop_(loop), way_(way) {}

fake_host::~fake_host()
{
    leave();
}

bool fake_host::open()
{
    x_ = loop_.resources().new_exchange();
    if (!x_->open(*this))
        x_.reset();
    return x_ != nullptr;
}

bool fake_host::request(std::string_view method, std::initializer_list<field> more, bool body_follows)
{
    const detail::turn::scope turn(loop_.resources().turn());
    if (!x_ && !open())
        return false;
    auto& env = x_->env();
    env.add("REQUEST_METHOD", method);
    env.add("REQUEST_URI", "/");
    env.add("SCRIPT_NAME", "");
    env.add("PATH_INFO", "/");
    env.add("QUERY_STRING", "");
    env.add("SERVER_NAME", "localhost");
    env.add("SERVER_PORT", "80");
    env.add("SERVER_PROTOCOL", "HTTP/1.1");
    for (const field& f : more)
        env.add(f.name, f.value);
    if (!x_->admit(body_follows))
        return false;
    x_->run();
    return true;
}

// The request's body

std::size_t fake_host::feed(std::string_view bytes)
{
    const detail::turn::scope turn(loop_.resources().turn());
    const auto n = x_ ? std::min(bytes.size(), x_->body().credit()) : 0;
    if (n > 0)
        x_->body().arrived(std::as_bytes(std::span(bytes.data(), n)));
    return n;
}

void fake_host::feed_all(std::string bytes)
{
    pending_body_ = std::move(bytes);
    pending_at_ = 0;
    end_pending_ = true;
    const detail::turn::scope turn(loop_.resources().turn());
    feed_more();
}

void fake_host::feed_more()
{
    if (!end_pending_ || !x_)
        return;
    pending_at_ += feed(std::string_view(pending_body_).substr(pending_at_));
    if (pending_at_ == pending_body_.size() && x_) {
        end_pending_ = false;
        x_->body().ended();
    }
}

void fake_host::end_body()
{
    const detail::turn::scope turn(loop_.resources().turn());
    if (x_)
        x_->body().ended();
}

void fake_host::input_wanted(exchange&)
{
    ++input_wanted_;
    loop_.resources().turn().put_off(*this);
}

// The client's side

void fake_host::take(std::uint64_t n)
{
    allowance_ = n == everything ? everything : allowance_ + n;
    const detail::turn::scope turn(loop_.resources().turn());
    pump();
}

void fake_host::leave(error_code reason)
{
    if (!x_)
        return;
    const detail::turn::scope turn(loop_.resources().turn());
    // A web server that has the whole response may leave as soon as it likes.
    if (x_->state() == exchange::phase::finished && x_->output().empty())
        end({});
    else
        end(reason);
}

void fake_host::cancel(error_code reason)
{
    const detail::turn::scope turn(loop_.resources().turn());
    if (x_)
        x_->cancel(reason);
}

// The kernel's

std::uint64_t fake_host::kernel_takes(std::span<const std::byte> bytes)
{
    if (received_bytes_ >= break_at_) {
        broken_ = true;
        return 0;
    }
    const auto n = std::min({std::uint64_t{bytes.size()}, allowance_, break_at_ - received_bytes_});
    if (keep_)
        received_.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(n));
    received_bytes_ += n;
    if (allowance_ != everything)
        allowance_ -= n;
    return n;
}

// Sends what is queued; true when nothing of it is left.
bool fake_host::pump_queue()
{
    for (;;) {
        while (const auto s = x_->output().pull()) {
            in_flight_.push_back({{s->data, s->size}, s->size});
            ++records_;
        }
        if (in_flight_.empty())
            return true;
        auto& front = in_flight_.front();
        front.rest = front.rest.subspan(static_cast<std::size_t>(kernel_takes(front.rest)));
        if (!front.rest.empty())
            return false;
        const auto content = front.content;
        in_flight_.pop_front();
        x_->output().release();
        x_->output_sent(content);
    }
}

void fake_host::take_direct()
{
    const auto record = x_->output().room_behind({nullptr, 0});
    while (!direct_.empty()) {
        const auto content = direct_.first(std::min(direct_.size(), record));
        const auto n = static_cast<std::size_t>(kernel_takes(content));
        if (n == content.size() || (way_ == direct::give_back && n > 0)) {
            ++records_;
            direct_ = direct_.subspan(n);
            direct_taken_ += n;
            x_->output_sent(n);
        }
        if (n == content.size())
            continue;
        if (way_ == direct::adopt && n > 0) {
            const auto copy = x_->output().adopt(content.subspan(n));
            if (!copy)
                throw std::logic_error("an exchange has a block in reserve, but adopt() got none");
            ++records_;
            in_flight_.push_back({{copy->data, copy->size}, content.size()});
            direct_taken_ += content.size();
        }
        direct_ = {};
    }
}

void fake_host::pump()
{
    if (pumping_ || !x_)
        return;
    pumping_ = true;
    const exchange_ptr keep = x_;
    if (x_->has_errors() && allowance_ > 0) {
        std::string text;
        x_->take_errors(text);
        errors_ += text;
    }
    if (pump_queue() && way_ != direct::no)
        take_direct();
    pumping_ = false;
    if (after_send)
        after_send();
    if (broken_)
        return leave();
    const auto phase = x_->state();
    const bool over = phase == exchange::phase::finished || phase == exchange::phase::aborted;
    if (over && x_->output().empty() && !x_->has_errors())
        end({});
}

// The end is out, or with `lost` the connection is.
void fake_host::end(error_code lost)
{
    const exchange_ptr x = std::exchange(x_, nullptr);
    peak_held_ = x->output().peak_held();
    ended_ = true;
    well_ = !lost && x->state() == exchange::phase::finished;
    in_flight_.clear();
    if (lost)
        x->lost(lost);
    else
        x->ended();
}

std::size_t fake_host::send(exchange&, std::span<const std::byte> direct_bytes)
{
    if (pumping_)
        return 0;
    direct_ = direct_bytes;
    direct_taken_ = 0;
    pump();
    direct_ = {};
    return direct_taken_;
}

void fake_host::output_ready(exchange&)
{
    loop_.resources().turn().put_off(*this);
}

void fake_host::run()
{
    pump();
    feed_more();
}

// What came

std::size_t fake_host::head_size() const
{
    const auto end = received_.find("\r\n\r\n");
    return end == std::string::npos ? received_.size() : end + 4;
}

int fake_host::status() const
{
    int status = 0;
    constexpr std::string_view before = "Status: ";
    if (received_.starts_with(before))
        std::from_chars(received_.data() + before.size(), received_.data() + received_.size(), status);
    return status;
}

std::string fake_host::header(std::string_view name) const
{
    std::string values;
    const std::string text = head();
    for (std::size_t at = 0, end; (end = text.find("\r\n", at)) != std::string::npos; at = end + 2) {
        const auto line = std::string_view(text).substr(at, end - at);
        const auto colon = line.find(": ");
        if (colon == line.npos || !equal_nocase(line.substr(0, colon), name))
            continue;
        if (!values.empty())
            values += '\n';
        values += line.substr(colon + 2);
    }
    return values;
}

bool fake_host::has_header(std::string_view name) const
{
    const std::string text = head();
    for (std::size_t at = 0, end; (end = text.find("\r\n", at)) != std::string::npos; at = end + 2)
        if (end - at > name.size() && text[at + name.size()] == ':' &&
            equal_nocase(std::string_view(text).substr(at, name.size()), name))
            return true;
    return false;
}

} // namespace sluice::test
