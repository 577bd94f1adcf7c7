// A sender of the contest: @parse/node-apn, as its documentation has it. See ../sender.rs.
import apn from "@parse/node-apn";
import { turns } from "./turns.mjs";

turns((target) => {
  const provider = new apn.Provider({
    token: { key: target.key, keyId: target.keyId, teamId: target.teamId },
    address: "localhost",
    port: target.port,
    ca: target.ca,
  });
  return async (device, id) => {
    const note = new apn.Notification();
    note.id = id;
    note.topic = target.topic;
    note.pushType = "alert";
    note.priority = 10;
    note.expiry = target.expiration;
    note.collapseId = id;
    note.alert = { title: target.title, body: target.body };
    note.sound = "default";
    note.payload = { ...target.custom, transactionId: id };
    const { sent } = await provider.send(note, device);
    return sent.length === 1;
  };
});
