// A sender of the contest: apns2, as its documentation has it. See ../sender.rs.
import { readFileSync } from "node:fs";
import { ApnsClient, Notification } from "apns2";
import { turns } from "./turns.mjs";

turns((target) => {
  const client = new ApnsClient({
    team: target.teamId,
    keyId: target.keyId,
    signingKey: readFileSync(target.key, "utf8"),
    defaultTopic: target.topic,
    host: "localhost",
  });
  return async (device, id) => {
    await client.send(
      new Notification(device, {
        alert: { title: target.title, body: target.body },
        sound: "default",
        expiration: target.expiration,
        collapseId: id,
        data: { ...target.custom, transactionId: id },
      }),
    );
    return true;
  };
});
