// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/sink.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace sluice::testing {

/// A client in memory, for tests of apps and middleware: it reads as much as it is told to, stalls, or dies.
///
///     auto client = testing::memory_sink::make(ex);
///     writer out(client);
///     …                                    // hand `out` to the code under test
///     client->drain();                     // the client reads all that was written
///
/// `mock_writer` is all of this in three lines, for what needs no sink of its own.
///
/// What an app writes is held, up to `window`, until `drain` takes it.
///
/// Thread safety: none.
class memory_sink final : public sink {
public:
    static boost::intrusive_ptr<memory_sink> make(executor ex, std::size_t window = 64 * 1024);

    // The client's side.

    /// The client reads up to `most` bytes of what is held; says how many.
    std::size_t drain(std::size_t most = std::numeric_limits<std::size_t>::max());

    /// From now on the client reads everything at once; with `false` nothing until `drain`.
    void read_all_at_once(bool on = true);

    /// The client leaves: pending and later writes fail.
    void leave(error_code reason = errc::client_gone);

    /// The client leaves when it has read `n` bytes in all.
    void leave_after(std::uint64_t n) { leave_at_ = n; }

    // What it saw.

    const std::string& received() const noexcept { return received_; }
    std::size_t held() const noexcept { return held_.size(); }
    std::size_t peak_held() const noexcept { return peak_; }

    /// Sizes of the pieces in which the client got what it read.
    const std::vector<std::size_t>& pieces() const noexcept { return pieces_; }

    bool finished() const noexcept { return finished_; }
    bool aborted() const noexcept { return aborted_; }
    bool writer_was_dropped() const noexcept { return dropped_; }

    // sink
    executor get_executor() const override { return executor_; }
    std::size_t try_write(std::span<const std::byte> bytes, error_code& ec) override;
    std::span<std::byte> prepare(error_code& ec) override;
    void commit(std::size_t n) override;
    bool try_flush(error_code& ec) override;
    bool wait(wait_for what, waiter w) override;
    void cancel_wait() override;
    void finish(error_code& ec) override;
    void abort(error_code reason) override;
    void writer_dropped() override { dropped_ = true; }
    error_code error() const override { return error_; }
    std::uint64_t accepted() const override { return accepted_; }
    std::uint64_t sent() const override { return received_.size(); }

private:
    memory_sink(executor ex, std::size_t window) : executor_(std::move(ex)), window_(window) {}
    error_code fault() const;
    bool satisfied() const;
    void check_waiter();
    void resume(error_code ec);

    executor executor_;
    std::size_t window_;
    std::string held_, received_;
    std::vector<std::size_t> pieces_;
    std::vector<std::byte> lent_;
    std::size_t peak_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t leave_at_ = std::numeric_limits<std::uint64_t>::max();
    error_code error_;
    bool at_once_ = false, finished_ = false, aborted_ = false, dropped_ = false;
    waiter waiter_;
    wait_for waiting_for_ = wait_for::writable;
};

} // namespace sluice::testing
