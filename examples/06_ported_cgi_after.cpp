// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// 06_ported_cgi_before.cpp, ported: one process answers all requests, over FastCGI or as the CGI program it was. What changed:
// `main` became a function, `std::cin`, `std::cout` and `std::getenv` its parameters. The head is written as ever.
//
// Each call has a thread of its own and may wait: `in` for the client's upload, `out` for the client to read. When the client
// leaves, both go bad, and the loop below ends as at the end of the input.
#include <sluice/sluice.hpp>

#include <cctype>
#include <iostream>

namespace {

void count_words(const sluice::environment& env, std::istream& in, std::ostream& out)
{
    if (env.get("REQUEST_METHOD") != "POST") { // "" when there is none: no null pointer to look for
        out << "Status: 405 Method Not Allowed\r\n"
               "Allow: POST\r\n"
               "Content-Type: text/plain\r\n\r\n"
               "Post a text to me.\n";
        return;
    }
    unsigned long words = 0,
                  letters = 0; // were they global, each request would have to begin by setting them to 0
    // By letters: the text comes from anybody, and a word may be as long as all of it.
    for (char before = ' ', c; in.get(c); before = c) {
        const auto space = [](char x) { return std::isspace(static_cast<unsigned char>(x)) != 0; };
        letters += !space(c);
        words += space(before) && !space(c);
    }
    out << "Content-Type: text/plain\r\n\r\n" << words << " words, " << letters << " letters\n";
}

} // namespace

int main(int argc, char** argv)
{
    // 64 calls at once, unless told otherwise. One at a time, for what keeps its state in global variables:
    // sluice::cgi::ported(count_words, {.threads = 1})
    return sluice::run(argc, argv, sluice::cgi::ported(count_words));
}
