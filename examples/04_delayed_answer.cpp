// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// An answer that another thread gives, when it has it: /?10000 asks for the 10000th prime number, and while a thread of its
// own looks for it, the loop serves everybody else.
#include <sluice/sluice.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace {

// What takes long, and knows nothing of the web. It could as well be a library that calls back from its own thread.
std::uint64_t nth_prime(unsigned n)
{
    std::uint64_t prime = 2;
    for (std::uint64_t next = 3; n > 1; next += 2) {
        std::uint64_t divisor = 3;
        while (divisor * divisor <= next && next % divisor != 0)
            divisor += 2;
        if (divisor * divisor > next) {
            prime = next;
            --n;
        }
    }
    return prime;
}

} // namespace

int main(int argc, char** argv)
{
    boost::asio::thread_pool workers(2);

    // A delayed app returns nothing: it takes the responder with it. A responder belongs to the request's own thread, so for
    // another one there is remote_responder, whose calls find their way back.
    const auto app = [&workers](sluice::request& req, sluice::responder respond) {
        unsigned n = 1;
        const auto query = req.env().query_string();
        std::from_chars(query.data(), query.data() + query.size(), n);
        n = std::min(n, 100'000u); // whoever asks is hostile until checked
        boost::asio::post(workers, [n, answer = sluice::remote_responder(req, std::move(respond))]() mutable {
            if (answer.ended())
                return; // the client left while this waited for a thread: spare the work
            answer.send(200, {{"Content-Type", "text/plain; charset=utf-8"}},
                        fmt::format("Prime number {} is {}.\n", n, nth_prime(n)));
        });
    }; // dropped without an answer, it would be a 500

    return sluice::run(argc, argv, app);
}
