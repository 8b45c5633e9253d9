// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_run.hpp"

#include "script_redirect.hpp"

#include <sluice/log.hpp>

#include <boost/asio/co_spawn.hpp>

#include <cerrno>
#include <csignal>
#include <utility>

namespace sluice::cgi {

namespace {

using namespace std::chrono_literals;

constexpr int most_redirects = 10;

// For the client; the log is told why.
std::string_view words_for(int status)
{
    switch (status) {
    case 400: return "The request's body was incomplete.\n";
    case 413: return "The request's body was too large.\n";
    case 504: return "The program did not answer in time.\n";
    default: return "The program failed.\n";
    }
}

} // namespace

script_run::script_run(std::shared_ptr<runner_state> shared, request& req, responder respond)
    : shared_(std::move(shared)), req_(&req), ex_(req.get_executor()), id_(req.id()),
      method_(req.env().method()), respond_(std::move(respond)), timer_(ex_), news_(ex_)
{}

script_run::~script_run()
{
    give_slot_back();
}

void script_run::begin()
{
    req_->on_end([self = shared_from_this()] { self->end(); });
    begun_ = std::chrono::steady_clock::now();
    find();
}

void script_run::find()
{
    auto found = shared_->finder.find(req_->env());
    if (const auto* const no = std::get_if<script_refusal>(&found))
        return refuse(no->status,
                      no->status == 403 ? "This may not be run.\n" : "There is no such program.\n", no->why);
    script_ = std::move(std::get<found_script>(found));
    ticket_ = std::make_shared<script_slots::ticket>();
    ticket_->ex = ex_;
    ticket_->go = [self = shared_from_this()] {
        self->has_slot_ = true;
        self->ticket_.reset();
        self->timer_.cancel();
        if (self->ended_)
            self->give_slot_back();
        else
            self->start();
    };
    switch (shared_->slots.ask(ticket_)) {
    case script_slots::turn::now:
        ticket_.reset();
        has_slot_ = true;
        return start();
    case script_slots::turn::never:
        ticket_.reset();
        return refuse(503, "This service is busy. Try again.\n",
                      "all processes are busy and the queue is full");
    case script_slots::turn::later: break;
    }
    timer_.expires_at(end_of(for_an_answer()));
    timer_.async_wait([self = shared_from_this()](const error_code& ec) {
        if (ec || !self->ticket_ || !self->shared_->slots.leave(self->ticket_))
            return;
        self->ticket_.reset();
        self->refuse(503, "This service is busy. Try again.\n", "no process was free in time");
    });
}

void script_run::start()
{
    process_start how;
    how.filename = script_.filename;
    how.directory = script_.directory;
    how.arguments = {script_.filename};
    how.variables = script_variables(req_->env(), script_, shared_->options.environment);
    if (const auto no = too_large(how.variables, script_, shared_->most))
        return refuse(no->status, "This request's headers are too large.\n", no->why);
    how.no_input = redirects_ > 0 || req_->body().at_end();
    input_ = how.no_input ? input::over : input::flows;
    how.limits = shared_->options.resources;
    how.log_name = fmt::format("#{} {}", id_, script_.filename);
    try {
        process_ = script_process::start(ex_, how, [self = shared_from_this()] { self->exited(); });
    } catch (const system_error& e) {
        switch (e.code().value()) {
        case EAGAIN:
        case EMFILE:
        case ENFILE:
        case ENOMEM: return refuse(503, "This service is busy. Try again.\n", e.what());
        case E2BIG: return refuse(431, "This request's headers are too large.\n", e.what());
        default: return refuse(500, "This program cannot be run.\n", e.what());
        }
    }
    spawn(&script_run::answer);
    spawn(&script_run::read_errors);
    if (!how.no_input)
        spawn(&script_run::feed);
}

template <class F>
void script_run::spawn(F f)
{
    boost::asio::co_spawn(
        ex_, [self = shared_from_this(), f]() -> task<void> { return ((*self).*f)(); },
        [self = shared_from_this()](const std::exception_ptr& e) {
            if (!e)
                return;
            try {
                std::rethrow_exception(e);
            } catch (const std::exception& fault) {
                self->give_up(500, fault.what());
            }
        });
}

// The response's end, and the client's, are the same to a program: nobody reads.
void script_run::end()
{
    if (std::exchange(ended_, true))
        return;
    req_ = nullptr;
    timer_.cancel();
    news_.cancel();
    if (ticket_) {
        // Its turn may be on its way, and where the loop ends does not come: it holds us, so we must not hold it.
        shared_->slots.leave(ticket_);
        ticket_.reset();
    }
    if (process_) {
        process_->end(shared_->options.grace); // not one that was released
        error_code ignored;
        // A body that was cut off must not look whole (R19): its end stays away until the program has gone.
        if (input_ == input::over)
            process_->in.close(ignored);
        else
            process_->in.cancel(ignored);
        process_->out.close(ignored);
        if (process_->status())
            process_->err.cancel(ignored); // who inherited it may keep it open for ever
    }
    settle_slot();
}

// It has answered, and may go on or is ended, as told.
void script_run::let_go()
{
    // Without the rest of its body it would wait for ever, and that must not end as if it were whole (R19).
    const bool starves = input_ != input::over && !process_->status();
    if (starves)
        log::warning("#{} {}[{}]: it has answered, and is ended: {}", id_, script_.filename, process_->pid(),
                     input_ == input::cut ? "the rest of its body does not come"
                                          : "its body does not move any more");
    if (starves || shared_->options.end_after_output)
        process_->end(shared_->options.grace);
    else
        process_->release();
    settle_slot();
}

void script_run::give_slot_back()
{
    if (std::exchange(has_slot_, false))
        shared_->slots.release();
}

// A slot is a process: of the program itself, or of one that it has left behind to write the answer.
void script_run::settle_slot()
{
    if (redirecting_ && !ended_)
        return;
    if (!process_ ? ended_ : process_->status() && !process_->out.is_open())
        give_slot_back();
}

void script_run::exited()
{
    news_.cancel();
    error_code ignored;
    if (redirecting_)
        process_->out.cancel(ignored); // what it has started may hold it open
    if (ended_)
        process_->err.cancel(ignored);
    settle_slot();
}

// There is no response yet, and this is it.
void script_run::refuse(int status, std::string_view text, std::string_view why)
{
    log::warning("#{} {} {}: {} {}", id_, method_, req_->env().request_uri(), status, why);
    auto respond = std::move(*respond_);
    respond_.reset();
    end();
    response answer{status, {}, std::string(text), {}};
    answer.headers.add("Content-Type", "text/plain; charset=utf-8");
    if (status == 503)
        answer.headers.add("Retry-After", "1");
    respond.send(std::move(answer));
}

// The program has failed, and its response with it.
void script_run::give_up(int status, std::string_view why)
{
    if (ended_)
        return;
    const auto what = fmt::format("{}[{}]: {}", script_.filename, process_ ? process_->pid() : 0, why);
    if (respond_)
        return refuse(status, words_for(status), what);
    log::warning("#{} {}: the response is given up", id_, what);
    auto out = std::exchange(out_, std::nullopt);
    end();
    if (out)
        out->abort();
}

// Where a local redirect leads to programs of ours: what the root stands for, or the one program's own name. Who has not
// been told (mod_fcgid tells by SCRIPT_FILENAME) knows it by the program that redirects.
std::optional<std::string> script_run::mount() const
{
    const auto& scripts = shared_->options.scripts;
    if (scripts.mount.empty())
        return scripts.script.empty() ? script_.mount : script_.script_name;
    std::string_view path = scripts.mount;
    while (path.ends_with('/'))
        path.remove_suffix(1);
    return std::string(path);
}

// RFC 3875 section 6.2.2: as if the client had asked for that. What is none of our programs only the web server can serve:
// the client is sent there.
task<void> script_run::redirect(std::string target)
{
    if (++redirects_ > most_redirects)
        co_return give_up(502, "its redirects lead from one to the next");
    const auto told = mount();
    const auto prefix = told.value_or("");
    std::string why;
    if (cgi::redirect(req_->env(), target, prefix, why))
        co_return give_up(502, "its redirect to " + target + ": " + why);
    method_ = req_->env().method();

    auto next = shared_->finder.find(req_->env(), prefix);
    const bool ours = told && (prefix.empty() || req_->env().script_name() == prefix) &&
                      std::holds_alternative<found_script>(next);
    if (!ours) {
        error_code ignored;
        process_->out.close(ignored);
        co_await wait_for_input();
        if (ended_)
            co_return;
        let_go();
        auto respond = std::move(*respond_);
        respond_.reset();
        end();
        respond.send(302, {{"Location", target}, {"Content-Type", "text/plain; charset=utf-8"}},
                     "It is at " + target + "\n");
        co_return;
    }
    // Its slot becomes the next one's, so it has to end; what else it writes is nobody's.
    redirecting_ = true;
    co_await drop_output();
    if (ended_)
        co_return;
    error_code ignored;
    process_->out.close(ignored);
    co_await wait_for_exit(for_an_answer());
    if (ended_)
        co_return;
    if (!process_->status())
        co_return give_up(504, "it redirects and does not end");
    redirecting_ = false;
    process_->in.close(ignored);
    process_->err.cancel(ignored);
    process_->release();
    process_.reset();
    script_ = std::move(std::get<found_script>(next));
    start();
}

application script_runner(runner_options options)
{
    struct sigaction now {};
    // A program may leave its input unread: to write there must be an error, not a signal.
    if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL)
        std::signal(SIGPIPE, SIG_IGN);
    // Ignored, as it is inherited from some who start services, it would take away what programs end with.
    if (::sigaction(SIGCHLD, nullptr, &now) == 0 && now.sa_handler == SIG_IGN)
        std::signal(SIGCHLD, SIG_DFL);
    auto shared = std::make_shared<runner_state>(std::move(options));
    return [shared](request& req, responder respond) -> task<void> {
        std::make_shared<script_run>(shared, req, std::move(respond))->begin();
        co_return;
    };
}

} // namespace sluice::cgi
