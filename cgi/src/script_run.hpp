// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "script_body.hpp"
#include "script_process_driver.hpp"
#include "script_slots_driver.hpp"

#include <sluice/cgi/script_head.hpp>
#include <sluice/cgi/script_runner.hpp>
#include <sluice/request.hpp>
#include <sluice/responder.hpp>

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

namespace sluice::cgi {

/// What all requests of a runner share.
struct runner_state {
    explicit runner_state(runner_options o)
        : options(std::move(o)), finder(options.scripts), slots(options.processes, options.queue)
    {
        if (const auto total = ::sysconf(_SC_ARG_MAX); total > 0)
            most.total = static_cast<std::size_t>(total);
    }

    const runner_options options;
    const script_finder finder;
    script_slots slots;
    exec_limits most; ///< a quarter of the stack that programs inherit
};

/// For how long something is waited for: since a moment, or since the program's input last moved, whichever is later.
struct patience {
    std::chrono::steady_clock::time_point since;
    std::chrono::steady_clock::duration limit;
};

/// One request for which a program runs: its life from the search for the program to its last line on stderr.
///
/// Three coroutines move the bytes (`feed`, `answer`, `read_errors`), each those of the process it began with. The response
/// has one end (`end`): it is over, was given up (`give_up`), or refused (`refuse`). From then on `ended_`: there is no
/// request any more and nothing to write, and whoever has waited looks at that first.
class script_run final : public std::enable_shared_from_this<script_run> {
public:
    script_run(std::shared_ptr<runner_state> shared, request& req, responder respond);
    ~script_run();

    void begin();

private:
    void find();
    void start();
    void refuse(int status, std::string_view text, std::string_view why);
    void give_up(int status, std::string_view why);
    void end();
    void let_go();
    void give_slot_back();
    void settle_slot();
    std::optional<std::string> mount() const;

    void exited();

    template <class F>
    void spawn(F f);
    task<void> feed();
    task<void> answer();
    task<bool> read_head(script_head_parser& parser, std::string& rest);
    task<void> send_body(script_body body, std::string_view first);
    task<bool> send(boost::asio::const_buffer bytes);
    task<void> end_response(script_body body);
    task<void> redirect(std::string target);
    task<void> drop_output();
    task<void> read_errors();
    task<bool> readable(patience p);
    void limit_wait(patience p);
    task<std::optional<std::size_t>> read_out(boost::asio::mutable_buffer to, patience p);
    template <class F>
    task<void> wait_for_news(patience p, F come);
    task<void> wait_for_exit(patience p);
    task<void> wait_for_input();
    std::chrono::steady_clock::time_point end_of(patience p) const;
    patience for_an_answer() const;

    std::shared_ptr<runner_state> shared_;
    request* req_; ///< until `ended_`
    executor ex_;
    std::uint64_t id_;
    std::string method_;
    std::optional<responder> respond_; ///< until there is `out_`
    std::optional<writer> out_;
    found_script script_;
    std::shared_ptr<script_process> process_; ///< another one after a local redirect
    script_slots::ticket_ptr ticket_;
    bool has_slot_ = false;
    bool ended_ = false;
    enum class input {
        flows,
        over, ///< the program has all of it, or wants no more
        cut,  ///< its rest will not come
    } input_ = input::flows;
    bool holding_ = false;     ///< the head, until the input is over
    bool redirecting_ = false; ///< the slot goes to the next program
    bool timed_out_ = false;   ///< what `readable` last waited for did not come
    unsigned watch_ = 0;       ///< counts the waits that have a time limit
    int redirects_ = 0;
    boost::asio::steady_timer timer_;
    boost::asio::steady_timer news_; ///< cancelled when the program has ended, or its input
    std::chrono::steady_clock::time_point begun_, input_moved_;
};

} // namespace sluice::cgi
