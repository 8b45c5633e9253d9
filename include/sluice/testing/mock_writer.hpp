// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/testing/manual_loop.hpp>
#include <sluice/testing/memory_sink.hpp>
#include <sluice/writer.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <string>

namespace sluice::testing {

/// A writer for the tests of what writes, and the client behind it, in memory:
///
///     sluice::testing::mock_writer mock;
///     mock.run([](sluice::writer& out) { return send_rows(out, 2); });
///     assert(mock.received() == "row 1\nrow 2\n");
///
/// The client reads everything at once until told otherwise. `sleep_for` takes no time: the code under test sleeps until
/// `advance`. Each call runs it until it waits or has ended.
///
/// Errors: what the code under test throws comes out of the call in which it did.
/// Thread safety: none.
class mock_writer {
public:
    /// `window` bytes are held for a client that does not read.
    explicit mock_writer(std::size_t window = 64 * 1024);
    ~mock_writer();
    mock_writer(const mock_writer&) = delete;
    mock_writer& operator=(const mock_writer&) = delete;

    /// Starts `code`; says whether it has ended. `code` is kept until then. Precondition: nothing runs yet, or it has ended.
    bool run(std::function<task<void>(writer&)> code);

    /// True when what was run has returned or thrown.
    bool ended() const noexcept { return ended_; }

    /// The client's side: it reads nothing more; `most` bytes of what is held; everything, from now on.
    void stall() { client_->read_all_at_once(false); }
    std::size_t drain(std::size_t most = std::numeric_limits<std::size_t>::max());
    void read_all_at_once();

    /// The client leaves, at once or when it has read `n` bytes in all: pending and later writes fail, and a sleep ends.
    void leave();
    void leave_after(std::uint64_t n) { client_->leave_after(n); }

    /// Lets time pass.
    void advance(manual_loop::duration by);

    const std::string& received() const noexcept { return client_->received(); }

    /// All else that the client saw: sizes of pieces, the most that was held, finished or aborted.
    const memory_sink& client() const noexcept { return *client_; }

    /// The writer that the code under test gets.
    writer& out() noexcept { return out_; }

private:
    static task<void> serve(mock_writer& me, std::function<task<void>(writer&)> code);
    void poll();

    boost::asio::cancellation_signal left_;
    manual_loop loop_;
    boost::intrusive_ptr<memory_sink> client_;
    writer out_;
    std::exception_ptr failure_;
    bool ended_ = true;
};

} // namespace sluice::testing
