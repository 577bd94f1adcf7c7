//! Secrets for those who push and post, from Secrets Manager.

use lambda::secrets::{CannotRead, ReadSecrets as _};
use push::Secrets;
use secrecy::SecretString;

/// Reads the secrets that apps' routes and the environment name.
#[derive(Clone, Debug)]
pub struct Credentials(pub lambda::Secrets);

impl Secrets for Credentials {
    async fn secret(&self, name: &str) -> Result<SecretString, push::CannotRead> {
        self.0.read(name).await.map_err(|e| match e {
            CannotRead::Refused(_) => push::CannotRead::Refused,
            CannotRead::Unavailable(e) => push::CannotRead::Unavailable(e),
        })
    }
}
