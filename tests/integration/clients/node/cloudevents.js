// Reads requests, one JSON object {headers, body} a line, and writes what the CloudEvents SDK takes each for.
const readline = require("readline");
const { HTTP } = require("cloudevents");

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  const events = [HTTP.toEvent(request)].flat();
  for (const event of events) event.validate();
  console.log(JSON.stringify(events.map((event) => ({ type: event.type, source: event.source, id: event.id, subject: event.subject, data: event.data }))));
});
