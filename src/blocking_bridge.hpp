// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/blocking.hpp>
#include <sluice/detail/blocking_pool.hpp>
#include <sluice/detail/request_link.hpp>

#include <array>
#include <condition_variable>
#include <istream>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <span>
#include <streambuf>
#include <string>

namespace sluice::detail {

/// One call of a blocking app: between the thread in which it runs and the loop of its request. The thread asks for one
/// thing at a time and sleeps until the loop has done it, or the request has ended.
///
/// Kept by the thread, and by the request until it ends.
class blocking_bridge final : public blocking_job, public std::enable_shared_from_this<blocking_bridge> {
public:
    using function = std::function<void(blocking_request&)>;

    // The loop's side.

    static std::shared_ptr<blocking_bridge> make(std::shared_ptr<const function> f, request& r,
                                                 responder respond, bool multithread);

    /// No thread will run it.
    void refuse();

    // The thread's side.

    void run() noexcept override;
    bool obsolete() const noexcept override { return link_->ended(); }

    /// Errors: throws what `responder::start` throws.
    void start(response_head head);

    /// Waits until all of it is in the response's window; with `flush`, until the kernel has it. Throws system_error.
    void write(std::string_view bytes, bool flush);

    /// Some bytes of the body, at least one; none at its end. Valid until the next call. Throws system_error.
    std::span<char> read();

    void error_line(std::string_view text);

    environment env;
    sluice::limits limits;
    service_facts facts;

private:
    friend blocking_request;

    class input final : public std::streambuf {
    public:
        explicit input(blocking_bridge& b) noexcept : bridge_(b) {}

    private:
        int_type underflow() override;
        blocking_bridge& bridge_;
    };

    class output final : public std::streambuf {
    public:
        explicit output(blocking_bridge& b) noexcept : bridge_(b)
        {
            setp(held_.data(), held_.data() + held_.size());
        }
        void empty(bool flush = false);

    private:
        int_type overflow(int_type c) override;
        std::streamsize xsputn(const char* s, std::streamsize n) override;
        int sync() override;

        blocking_bridge& bridge_;
        std::array<char, 8192> held_;
    };

    struct result {
        error_code ec;
        std::size_t n = 0;
        std::string why{};
    };

    blocking_bridge(std::shared_ptr<const function> f, request& r, responder respond, bool multithread);
    result ask(unique_function<void()> f);
    void answer(result r);
    void finish();
    void fail(const std::string& why, error_code ec = {});
    void ended();

    std::shared_ptr<const function> function_;
    std::shared_ptr<request_link> link_;

    // The loop's.
    request& request_; ///< until the request ends
    std::optional<responder> respond_;
    std::optional<writer> writer_;

    // Between the two.
    std::mutex mutex_;
    std::condition_variable answered_;
    std::optional<result> answer_;
    error_code ended_; ///< why, once the request has ended

    // The thread's, but that the loop fills the first while the thread waits for it.
    std::array<char, 8192> body_;
    input in_{*this};
    output out_{*this};
    std::istream in{&in_};
    std::ostream out{nullptr}; ///< without `out_` before `start`
    error_code read_error_;
    error_code error_; ///< of writing; stays
};

} // namespace sluice::detail
