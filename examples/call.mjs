// Discovery, a call and feedback with fetch. Usage: node examples/call.mjs [BASE]
import { readFile } from "node:fs/promises";

const base = process.argv[2] ?? "http://127.0.0.1:8000";
const request = JSON.parse(await readFile(new URL("hooks/patient-view.request.json", import.meta.url), "utf8"));
const post = (path, body) =>
  fetch(base + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const { services } = await (await fetch(`${base}/cds-services`)).json();
const service = services.find((entry) => entry.hook === request.hook).id;
const answer = await post(`/cds-services/${service}`, request);
if (answer.status !== 200) throw new Error(`${answer.status}: ${(await answer.json()).issue[0].details.text}`);
const { cards } = await answer.json();
for (const card of cards) console.log(`[${card.indicator}] ${card.summary}`);
const entry = { card: cards[0].uuid, outcome: "overridden", outcomeTimestamp: new Date().toISOString() };
console.log("feedback:", (await post(`/cds-services/${service}/feedback`, { feedback: [entry] })).status);
