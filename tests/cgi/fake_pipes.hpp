// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/fake_host.hpp"

#include <sluice/cgi/session.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// stdin, stdout and stderr of a CGI program without a descriptor: what the web server wrote into the
/// first, and a kernel of which the test says how much of the second it takes. It is what the driver is: no
/// rule of the protocol is here.
///
///     fake_loop loop(app);
///     fake_pipes pipes(loop);
///     pipes.stall();
///     pipes.start("POST", {"CONTENT_LENGTH=5"});
///     pipes.write("hello");
///     pipes.take(100);
///
/// Every call lets everything happen that can. The web server reads everything at once until told otherwise.
class fake_pipes final : private session_driver, private detail::turn::task {
public:
    static constexpr std::uint64_t everything = fake_host::everything;

    explicit fake_pipes(fake_loop& loop);
    ~fake_pipes();
    fake_pipes(const fake_pipes&) = delete;
    fake_pipes& operator=(const fake_pipes&) = delete;

    /// Starts the program with the variables of a good request for `method`, and `more`.
    void start(std::string_view method = "GET", const std::vector<std::string>& more = {});
    /// Starts it with exactly these.
    void start_with(const std::vector<std::string>& variables);

    // stdin.

    void write(std::string_view bytes);
    void close_stdin();

    /// Bytes that the session has not asked for.
    std::size_t unread() const noexcept { return input_.size(); }

    // stdout.

    /// The web server reads `n` bytes more, and nothing after them.
    void take(std::uint64_t n);
    void take_all() { take(everything); }
    void stall() { allowance_ = 0; }

    /// The next writes to the kernel come to an end after so many bytes each (0: EAGAIN at once); then
    /// after `rest` bytes each.
    void cut_writes(std::deque<std::uint64_t> sizes, std::uint64_t rest = everything);

    /// The web server leaves: nobody sees it before the next write (EPIPE).
    void leave_unseen() { broken_ = true; }
    /// The web server leaves, and stdout shows it (POLLERR).
    void leave();

    const std::string& output() const noexcept { return output_; }
    std::string body() const;
    std::uint64_t output_bytes() const noexcept { return output_bytes_; }
    /// From now on only counts what comes.
    void forget_output() { keep_ = false; }
    /// How often the session was told that bytes went.
    std::uint64_t writes() const noexcept { return writes_; }

    /// What came on stderr.
    const std::string& errors() const noexcept { return errors_; }

    // The program.

    cgi::session& session() noexcept { return session_; }

    /// The second's check of the driver.
    error_code check(std::chrono::steady_clock::time_point now);

    /// Called after each write, when the session knows of it.
    std::function<void()> after_write;

private:
    void pump() override;
    void output_ready() override;
    void input_wanted() override;
    void run() override;

    void read();
    void unblock_later();
    std::uint64_t kernel_takes(std::uint64_t offered);

    fake_loop& loop_;
    cgi::session session_;
    std::string input_, output_, errors_, error_text_;
    std::uint64_t output_bytes_ = 0, writes_ = 0, allowance_ = everything, rest_ = everything;
    std::deque<std::uint64_t> cuts_;
    bool input_closed_ = false, blocked_ = false, pumping_ = false, broken_ = false, keep_ = true;
};

/// `n` bytes, no two neighbouring blocks alike, so that lost, doubled and swapped ones show.
std::string pattern(std::size_t n);

/// Where two strings differ first; "" when they are equal. (Printing megabytes helps nobody.)
std::string difference(std::string_view got, std::string_view wanted);

} // namespace sluice::test
