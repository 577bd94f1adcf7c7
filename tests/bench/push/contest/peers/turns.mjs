// What the contest's senders in JavaScript share: turns, as ../contest/sender.rs asks for them.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/// `open` is given the target and returns what sends one message and tells whether it was taken.
export async function turns(open) {
  const send = open(JSON.parse(readFileSync(process.argv[2], "utf8")));
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const [inFlight, millis, first] = line.split(" ").map(Number);
    let [device, accepted, failed] = [first, 0, 0];
    const began = performance.now();
    const worker = async () => {
      while (performance.now() < began + millis) {
        const token = (device++).toString(16).padStart(64, "0");
        const taken = await send(token, randomUUID()).catch(() => false);
        taken ? accepted++ : failed++;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    const seconds = (performance.now() - began) / 1000;
    console.log(JSON.stringify({ accepted, failed, seconds }));
  }
  process.exit();
}
