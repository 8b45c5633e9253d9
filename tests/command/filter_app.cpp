// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A filter on sluice, streaming: the body as it comes, then the file in upper case.
#include <sluice/sluice.hpp>

#include <array>
#include <span>

namespace {

sluice::task<void> upper(sluice::request& req, sluice::responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "text/plain"},
                                   {"X-Changed", std::string(req.env().get("FCGI_DATA_LAST_MOD"))}});
    std::array<char, 10'000> buffer;
    auto body = req.body();
    while (const auto n = co_await body.read(boost::asio::buffer(buffer)))
        co_await out.write(std::string_view(buffer.data(), n));
    co_await out.write("\n");
    auto file = req.data();
    while (const auto n = co_await file.read(boost::asio::buffer(buffer))) {
        for (char& c : std::span(buffer).first(n))
            c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        co_await out.write(std::string_view(buffer.data(), n));
    }
}

} // namespace

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, sluice::application::filter(upper));
}
