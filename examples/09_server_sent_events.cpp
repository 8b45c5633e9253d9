// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// News for a browser: a page, and a stream of events that the page shows as they come. Open it in two windows, close
// one, stop and start the program: the browser connects again by itself, and says which event it has got last.
//
//     ./09_server_sent_events --fastcgi unix:/tmp/events.sock
#include <sluice/sluice.hpp>

#include <sluice/event_stream.hpp>
#include <sluice/middleware/gzip.hpp>

#include <charconv>

using namespace std::chrono_literals;

const char* const page = R"(<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Events</title>
<h1>Events</h1><p id="state">connecting</p><ol id="list"></ol>
<script>
const source = new EventSource("events");
const state = text => document.getElementById("state").textContent = text;
source.onopen = () => state("connected");
source.onerror = () => state("lost; trying again");
source.addEventListener("count", event => {
    const item = document.createElement("li");
    item.textContent = event.lastEventId + ": " + event.data;
    document.getElementById("list").append(item);
});
</script></html>
)";

// Each event goes out at once, and the next waits until this client has taken it. Nothing happens for long? Then a
// comment is sent every 15 seconds, since most web servers tell a silent app nothing of clients that leave.
sluice::task<void> count(sluice::request& req, sluice::responder respond)
{
    unsigned long n = 0;
    const auto last = sluice::event_stream::last_event_id(req);
    std::from_chars(last.data(), last.data() + last.size(), n); // what is no number leaves 0

    sluice::event_stream events(req, std::move(respond), {.retry = 1s});
    for (;;) {
        const auto id = std::to_string(++n);
        co_await events.event("count", "number " + id + "\nin two lines", id);
        co_await sluice::sleep_for(1s); // throws when the client leaves
    }
}

sluice::task<void> app(sluice::request& req, sluice::responder respond)
{
    if (req.env().path_info() == "/events")
        co_await count(req, std::move(respond));
    else
        respond.send(200, {{"Content-Type", "text/html; charset=utf-8"}}, page);
}

int main(int argc, char** argv)
{
    return sluice::run(argc, argv,
                       sluice::middleware::gzip(app)); // each event can be decoded when it is sent
}
