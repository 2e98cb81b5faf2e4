// A CDS Hooks service on Node's own http module: CORS with a repeated origin, feedback, suggestions, no prefetch at all.
const http = require("http");
const { randomUUID } = require("crypto");

const services = [{ id: "remind", hook: "order-sign", title: "Reminder", description: "Reminds of a follow-up.", usageRequirements: "None." }];

http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const origin = request.headers.origin ? { "Access-Control-Allow-Origin": request.headers.origin, Vary: "Origin" } : {};
    const reply = (status, body, headers = {}) => {
      response.writeHead(status, { "Content-Type": "application/json; charset=utf-8", ...origin, ...headers });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    };
    const refuse = (status, text) => reply(status, { error: text });
    if (request.method === "OPTIONS") {
      return reply(204, undefined, { "Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "Authorization, Content-Type" });
    }
    if (request.url === "/cds-services" && request.method === "GET") return reply(200, { services });
    if (!["/cds-services/remind", "/cds-services/remind/feedback"].includes(request.url)) return refuse(404, "There is no such service");
    if (request.method !== "POST") return refuse(405, "POST is needed");
    let body;
    try {
      body = JSON.parse(Buffer.concat(parts).toString("utf8"));
    } catch {
      return refuse(422, "The body is not JSON");
    }
    if (request.url.endsWith("/feedback")) {
      const fine = Array.isArray(body.feedback) && body.feedback.every((e) => e.card && ["accepted", "overridden"].includes(e.outcome) && !isNaN(Date.parse(e.outcomeTimestamp)));
      return fine ? reply(200, { received: body.feedback.length }) : refuse(422, "An entry is faulty");
    }
    const orders = body && body.context && body.context.draftOrders;
    if (!body || body.hook !== "order-sign" || typeof body.hookInstance !== "string" || !orders) return refuse(422, "This is no order-sign request");
    const task = { resourceType: "Task", status: "draft", intent: "order", description: "Call in two weeks" };
    reply(200, {
      cards: [{
        uuid: randomUUID().toUpperCase(),
        summary: "Plan a follow-up",
        indicator: "warning",
        source: { label: "Reminder", url: "http://example.org/reminder" },
        selectionBehavior: "at-most-one",
        suggestions: [{ label: "Plan a call", uuid: randomUUID(), actions: [{ type: "create", description: "A call in two weeks", resource: task }] }],
      }],
    });
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
