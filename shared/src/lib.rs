//! What Overture is about: handoffs, campaigns, messages, conversations, and the rules they keep.
//!
//! Nothing here knows AWS, HTTP or an async runtime. Each module is a noun of the
//! product and holds its types, its use cases and the ports those need.
//!
//! | module | subject |
//! |---|---|
//! | [`id`], [`clock`], [`store`] | identifiers, time, and what a store may answer besides data |
//! | [`name`] | what people call what is theirs |
//! | [`text`], [`lookback`] | what a message may say, and how long it lives |
//! | [`access`], [`client`], [`limit`] | who may do what, and how fast |
//! | [`audit`] | who changed what |
//! | [`origin`] | where in a distributed trace something was caused |
//! | [`account`] | a brand's settings, skills and apps |
//! | [`handoff`], [`preview`] | the saved configuration of an outbound message, and what it would say |
//! | [`campaign`] | accepting one API call with its recipients |
//! | [`ivr`] | deflecting a call into the app: a campaign of one |
//! | [`pace`], [`dispatch`] | from an accepted campaign to paced jobs |
//! | [`message`], [`send`], [`push`], [`failure`] | one message to one consumer, and how it leaves |
//! | [`breaker`] | pausing an app whose sends fail |
//! | [`device`], [`inbox`] | a consumer's devices and unexpired messages |
//! | [`conversation`], [`reply`], [`agent`] | the chat: the consumer's side, the agent's side |
//! | [`board`], [`report`] | counting what happened, and reading it |
//! | [`webhook`], [`event`], [`journal`], [`deliver`] | telling the brand's endpoints what happens |
//! | [`sweep`] | finding and finishing what got stuck |

pub mod access;
pub mod account;
pub mod agent;
pub mod audit;
pub mod board;
pub mod breaker;
pub mod campaign;
pub mod client;
pub mod clock;
pub mod conversation;
pub mod deliver;
pub mod device;
pub mod dispatch;
pub mod event;
pub mod failure;
pub mod handoff;
pub mod id;
pub mod inbox;
pub mod ivr;
pub mod journal;
pub mod limit;
pub mod lookback;
pub mod message;
pub mod name;
pub mod origin;
pub mod pace;
pub mod preview;
pub mod push;
pub mod reply;
pub mod report;
pub mod send;
pub mod store;
pub mod sweep;
pub mod text;
pub mod webhook;
