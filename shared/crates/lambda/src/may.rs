//! What a call needs to be allowed, as types for [`Allowed`](crate::Allowed).

use domain::access::Permission;

/// A type that stands for a permission.
pub trait Grant: Send + Sync + 'static {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! grants {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Grant for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )*
    };
}

grants! {
    /// Read apps, skills and settings.
    ReadConfiguration,
    /// Write apps, skills and settings.
    WriteConfiguration,
    /// Raise the account's limits.
    RaiseLimits,
    /// Pause the account.
    PauseAccounts,
    /// Make and revoke API clients.
    ManageClients,
    /// Read who changed what.
    ReadAudit,
    /// Read handoffs.
    ReadHandoffs,
    /// Make, change and delete handoffs.
    WriteHandoffs,
    /// Read campaigns and their recipients.
    ReadCampaigns,
    /// Post and cancel campaigns.
    WriteCampaigns,
    /// Read reports.
    ReadReports,
    /// Read the conversations of its skills.
    ReadConversations,
    /// Accept, answer, transfer and close conversations of its skills.
    ServeConversations,
}
