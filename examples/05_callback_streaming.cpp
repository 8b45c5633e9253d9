// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Streaming without coroutines: each write says what is to be done when the client has made room. For programs that are made
// of callbacks already; 03_large_report does the same in a loop. /?1000000 is a table of a million squares.
#include <sluice/sluice.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace {

// One response on its way. It lives as long as one of its callbacks is to come: each holds a pointer to it.
class squares : public std::enable_shared_from_this<squares> {
public:
    squares(sluice::writer out, std::uint64_t rows) : out_(std::move(out)), rows_(rows) {}

    void go_on()
    {
        // Without an end the response would count as failed: dropping the writer gives it up.
        if (next_ > rows_)
            return out_.async_finish([self = shared_from_this()](sluice::error_code) {});
        text_.clear();
        for (; next_ <= rows_ && text_.size() < 4000; ++next_)
            text_ += fmt::format("{} {}\n", next_, next_ * next_);
        // The text has to stay where it is until the callback comes. An error is the last callback: the client has left,
        // nobody holds a pointer any more, and everything here goes.
        out_.async_write(
            boost::asio::buffer(text_), [self = shared_from_this()](sluice::error_code ec, std::size_t) {
                if (!ec)
                    self->go_on(); // called by the loop, not by async_write: the stack does not grow
            });
    }

private:
    sluice::writer out_;
    std::uint64_t rows_, next_ = 1;
    std::string text_;
};

void table(sluice::request& req, sluice::responder respond)
{
    std::uint64_t rows = 1000;
    const auto query = req.env().query_string();
    std::from_chars(query.data(), query.data() + query.size(), rows);
    rows = std::min(rows, std::uint64_t{1'000'000'000}); // what the client says has bounds
    auto out = respond.start(200, {{"Content-Type", "text/plain; charset=utf-8"}});
    std::make_shared<squares>(std::move(out), rows)->go_on();
} // returns at once; the response goes on

} // namespace

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, table);
}
