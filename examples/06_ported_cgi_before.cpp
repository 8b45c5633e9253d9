// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A CGI program as it has been written for thirty years, without sluice: it answers one request and ends. It counts the
// words of what was posted to it. 06_ported_cgi_after.cpp is the same program, ported.
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <string>

int main()
{
    const char* const method = std::getenv("REQUEST_METHOD");
    if (method == nullptr || std::string(method) != "POST") {
        std::cout << "Status: 405 Method Not Allowed\r\n"
                     "Allow: POST\r\n"
                     "Content-Type: text/plain\r\n\r\n"
                     "Post a text to me.\n";
        return 0;
    }
    unsigned long words = 0, letters = 0;
    // By letters: the text comes from anybody, and a word may be as long as all of it.
    for (char before = ' ', c; std::cin.get(c); before = c) {
        const auto space = [](char x) { return std::isspace(static_cast<unsigned char>(x)) != 0; };
        letters += !space(c);
        words += space(before) && !space(c);
    }
    std::cout << "Content-Type: text/plain\r\n\r\n" << words << " words, " << letters << " letters\n";
}
