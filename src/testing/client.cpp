// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/testing/client.hpp>

#include <sluice/detail/text.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace sluice::testing {

// The web server's side

client::client(app_loop& loop, direct way) : loop_(loop), way_(way) {}

client::~client()
{
    leave();
}

bool client::open(sluice::role r)
{
    x_ = loop_.resources().new_exchange();
    if (!x_->open(*this, r))
        x_.reset();
    return x_ != nullptr;
}

bool client::request(std::string_view method, std::initializer_list<field> more, bool body_follows)
{
    environment env;
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
    return request(env, body_follows);
}

bool client::request(const environment& env, bool body_follows)
{
    const detail::turn::scope turn(loop_.resources().turn());
    if (!x_ && !open())
        return false;
    for (const field& f : env)
        x_->env().add(f.name, f.value);
    if (!x_->admit(body_follows))
        return false;
    x_->run();
    return true;
}

// The request's body

std::size_t client::feed(std::string_view bytes)
{
    const detail::turn::scope turn(loop_.resources().turn());
    const auto n = x_ ? std::min(bytes.size(), x_->body().credit()) : 0;
    if (n > 0)
        x_->body().arrived(std::as_bytes(std::span(bytes.data(), n)));
    return n;
}

void client::feed_all(std::string bytes)
{
    feed_later(bytes);
    feed_end();
}

void client::feed_later(std::string_view bytes)
{
    pending_body_.erase(0, pending_at_);
    pending_at_ = 0;
    pending_body_ += bytes;
    const detail::turn::scope turn(loop_.resources().turn());
    feed_more();
}

void client::feed_end(bool cut_off)
{
    end_pending_ = true;
    cut_off_ = cut_off;
    const detail::turn::scope turn(loop_.resources().turn());
    feed_more();
}

void client::feed_more()
{
    if (!x_)
        return;
    if (pending_at_ < pending_body_.size())
        pending_at_ += feed(std::string_view(pending_body_).substr(pending_at_));
    if (pending_at_ == pending_body_.size() && x_ && std::exchange(end_pending_, false))
        x_->body().ended(cut_off_);
}

void client::end_body()
{
    const detail::turn::scope turn(loop_.resources().turn());
    if (x_)
        x_->body().ended();
}

void client::input_wanted(sluice::exchange&)
{
    ++input_wanted_;
    loop_.resources().turn().put_off(*this);
}

// The client's side

void client::take(std::uint64_t n)
{
    allowance_ = n == everything ? everything : (allowance_ == everything ? 0 : allowance_) + n;
    const detail::turn::scope turn(loop_.resources().turn());
    pump();
}

void client::leave(error_code reason)
{
    if (!x_)
        return;
    const detail::turn::scope turn(loop_.resources().turn());
    // A web server that has the whole response may leave as soon as it likes.
    if (x_->state() == sluice::exchange::phase::finished && x_->output().empty())
        end({});
    else
        end(reason);
}

void client::cancel(error_code reason)
{
    const detail::turn::scope turn(loop_.resources().turn());
    if (x_)
        x_->cancel(reason);
}

void client::let_time_pass()
{
    const detail::turn::scope turn(loop_.resources().turn());
    if (x_ && x_->stalled(loop_.now()))
        leave(errc::write_stalled);
}

// The kernel's

std::uint64_t client::kernel_takes(std::span<const std::byte> bytes)
{
    if (received_bytes_ >= break_at_) {
        broken_ = true;
        return 0;
    }
    auto n = std::min({std::uint64_t{bytes.size()}, allowance_, break_at_ - received_bytes_});
    if (keep_) {
        n = std::min(n, most_kept - std::uint64_t{received_.size()});
        received_.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(n));
    }
    received_bytes_ += n;
    if (allowance_ != everything)
        allowance_ -= n;
    return n;
}

void client::count_record(std::size_t content)
{
    ++records_;
    if (keep_)
        record_sizes_.push_back(content);
}

// Sends what is queued; true when nothing of it is left.
bool client::pump_queue()
{
    for (;;) {
        while (const auto s = x_->output().pull()) {
            in_flight_.push_back({{s->data, s->size}, s->size});
            count_record(s->size);
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

void client::take_direct()
{
    const auto record = x_->output().room_behind({nullptr, 0});
    while (!direct_.empty()) {
        const auto content = direct_.first(std::min(direct_.size(), record));
        const auto n = static_cast<std::size_t>(kernel_takes(content));
        if (n == content.size() || (way_ == direct::give_back && n > 0)) {
            count_record(n);
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
            count_record(content.size());
            in_flight_.push_back({{copy->data, copy->size}, content.size()});
            direct_taken_ += content.size();
        }
        direct_ = {};
    }
}

void client::pump()
{
    if (pumping_ || !x_)
        return;
    pumping_ = true;
    const exchange_ptr keep = x_;
    if (x_->has_errors() && allowance_ > 0) {
        std::string lines;
        x_->take_errors(lines);
        errors_ += lines;
    }
    if (pump_queue() && way_ != direct::no)
        take_direct();
    pumping_ = false;
    if (after_send)
        after_send();
    if (broken_)
        return leave();
    const auto phase = x_->state();
    const bool over = phase == sluice::exchange::phase::finished || phase == sluice::exchange::phase::aborted;
    if (over && x_->output().empty() && !x_->has_errors())
        end({});
}

// The end is out, or with `lost` the connection is.
void client::end(error_code lost)
{
    const exchange_ptr x = std::exchange(x_, nullptr);
    peak_held_ = x->output().peak_held();
    ended_ = true;
    well_ = !lost && x->state() == sluice::exchange::phase::finished;
    aborted_ = !lost && !well_;
    in_flight_.clear();
    if (lost)
        x->lost(lost);
    else
        x->ended();
}

std::size_t client::send(sluice::exchange&, std::span<const std::byte> direct_bytes)
{
    if (pumping_)
        return 0;
    direct_ = direct_bytes;
    direct_taken_ = 0;
    pump();
    direct_ = {};
    return direct_taken_;
}

void client::output_ready(sluice::exchange&)
{
    loop_.resources().turn().put_off(*this);
}

void client::run()
{
    pump();
    feed_more();
}

// What came

std::size_t client::head_size() const
{
    const auto end = received_.find("\r\n\r\n");
    return end == std::string::npos ? received_.size() : end + 4;
}

int client::status() const
{
    int status = 0;
    constexpr std::string_view before = "Status: ";
    if (received_.starts_with(before))
        std::from_chars(received_.data() + before.size(), received_.data() + received_.size(), status);
    return status;
}

std::string client::header(std::string_view name) const
{
    std::string values;
    const std::string lines = head();
    for (std::size_t at = 0, end; (end = lines.find("\r\n", at)) != std::string::npos; at = end + 2) {
        const auto line = std::string_view(lines).substr(at, end - at);
        const auto colon = line.find(": ");
        if (colon == line.npos || !text::equal_nocase(line.substr(0, colon), name))
            continue;
        if (!values.empty())
            values += '\n';
        values += line.substr(colon + 2);
    }
    return values;
}

bool client::has_header(std::string_view name) const
{
    const std::string lines = head();
    for (std::size_t at = 0, end; (end = lines.find("\r\n", at)) != std::string::npos; at = end + 2)
        if (end - at > name.size() && lines[at + name.size()] == ':' &&
            text::equal_nocase(std::string_view(lines).substr(at, name.size()), name))
            return true;
    return false;
}

} // namespace sluice::testing
